// AdamW (ops/adamw.ts) on weights in place, f32 throughout. Tensors of one size share a dispatch, as many as the adapter binds:
// the layers of a model come in a few sizes. One vector of four an invocation. What all weights are multiplied with lies in one
// uniform buffer, which every step writes, so that the host finds its bind groups again.
// Bytes: weight and both moments read and written, gradient read: 28 bytes an element. Bound by memory.
import * as tf from '#tfjs';
import type { DeviceBackend } from '../../backends/device-backend.js';
import { deviceBackend, run, workgroupsFor, type Program } from './runner.js';
import { bindings, realOf, unrolled, widthOf, WORKGROUP, type Width } from './vectors.js';

/** Tensors of one shape. */
export interface AdamWTensors {
  readonly weight: tf.Tensor;
  readonly gradient: tf.Tensor;
  /** Moving means of the gradient and of its square. */
  readonly mean: tf.Tensor;
  readonly square: tf.Tensor;
}

/** What a step multiplies with, the bias corrections included. */
export interface AdamWFactors {
  readonly beta1: number;
  readonly beta2: number;
  /** Learning rate / (1 - beta1^t). */
  readonly stepSize: number;
  /** 1 / sqrt(1 - beta2^t) */
  readonly squareScale: number;
  readonly epsilon: number;
  /** Learning rate times weight decay. */
  readonly decay: number;
}

/** Changes weights and moments; `gradientScale` is a scalar on the device that the gradients are multiplied with. */
export function adamWInPlace(tensors: readonly AdamWTensors[], factors: AdamWFactors, gradientScale: tf.Tensor): void {
  const { limits } = deviceBackend().device;
  const uniforms = writtenFactors(factors, gradientScale);
  const most = Math.floor(limits.maxStorageBuffersPerShaderStage / 4);
  for (const group of groupsOfOneSize(tensors, ({ weight }) => weight.size, most)) {
    const { size } = group[0]!.weight;
    const width = widthOf(size);
    const [x, y] = workgroupsFor(size / width, WORKGROUP);
    run({
      program: program(group.length, width),
      inputs: group.map(({ gradient }) => gradient),
      outputs: [],
      updates: group.flatMap(({ weight, mean, square }) => [weight, mean, square]),
      uniforms,
      workgroups: [x, y, group.length],
    });
  }
}

const NAMES = ['beta1', 'rest1', 'beta2', 'rest2', 'stepSize', 'squareScale', 'epsilon', 'decay'];
const factorBuffers = new WeakMap<DeviceBackend, GPUBuffer>();

/** The uniform buffer with the factors and, behind them, the scale, copied there behind the dispatches that read what was in it. */
function writtenFactors(factors: AdamWFactors, gradientScale: tf.Tensor): GPUBuffer {
  const backend = deviceBackend();
  let buffer = factorBuffers.get(backend);
  if (buffer === undefined) {
    const size = 16 * Math.ceil((NAMES.length + 1) / 4);
    buffer = backend.device.createBuffer({ size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    factorBuffers.set(backend, buffer);
  }
  const { beta1, beta2, stepSize, squareScale, epsilon, decay } = factors;
  const words = tf.tensor1d([beta1, 1 - beta1, beta2, 1 - beta2, stepSize, squareScale, epsilon, decay]);
  backend.copy(backend.bufferOf(words), buffer);
  backend.copy(backend.bufferOf(gradientScale), buffer, 4 * NAMES.length);
  words.dispose();
  return buffer;
}

/** Runs of at most `most` items of one size, in order of size. */
export function groupsOfOneSize<T>(items: readonly T[], sizeOf: (item: T) => number, most: number): T[][] {
  const groups: T[][] = [];
  for (const item of [...items].sort((a, b) => sizeOf(b) - sizeOf(a))) {
    const last = groups.at(-1);
    if (last !== undefined && last.length < most && sizeOf(last[0]!) === sizeOf(item)) last.push(item);
    else groups.push([item]);
  }
  return groups;
}

function program(count: number, width: Width): Program {
  const indices = Array.from({ length: count }, (_, k) => k);
  const changed = indices.flatMap((k) => [`weight${k}`, `mean${k}`, `square${k}`]);
  const reals = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'real']));
  return {
    key: `adamw/${count}/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings(
  reals(indices.map((k) => `gradient${k}`)),
  reals(changed),
  [...NAMES, 'gradientScale'].map((name) => `${name}: f32`).join(', '),
)}

@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let item = (workgroup.y * workgroups.x + workgroup.x) * ${WORKGROUP}u + local;
  if (item >= arrayLength(&weight0)) { return; }
  switch workgroup.z {
    ${unrolled(
      count,
      (k) => `
    case ${k}u: {
      let gradient = gradient${k}[item] * uniforms.gradientScale;
      let mean = uniforms.beta1 * mean${k}[item] + uniforms.rest1 * gradient;
      let square = uniforms.beta2 * square${k}[item] + uniforms.rest2 * gradient * gradient;
      let weight = weight${k}[item];
      let step = uniforms.stepSize * mean / (sqrt(square) * uniforms.squareScale + uniforms.epsilon);
      weight${k}[item] = weight - uniforms.decay * weight - step;
      mean${k}[item] = mean;
      square${k}[item] = square;
    }`,
    )}
    default: {}
  }
}`,
  };
}

export function samples(): Program[] {
  return [1, 2, 3, 4].flatMap((count) => [program(count, 4), program(count, 1)]);
}
