// AdamW (ops/adamw.ts) on weights in place, f32 throughout. Tensors of one size share a dispatch, as many as the adapter binds:
// the layers of a model come in a few sizes. One vector of four an invocation.
// Bytes: weight and both moments read and written, gradient read: 28 bytes an element. Bound by memory.
import type * as tf from '#tfjs';
import { deviceBackend, f32, run, workgroupsFor, type Program } from './runner.js';
import { realOf, unrolled, widthOf, WORKGROUP, type Width } from './vectors.js';

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
  const { beta1, beta2, stepSize, squareScale, epsilon, decay } = factors;
  const limit = deviceBackend().device.limits.maxStorageBuffersPerShaderStage;
  for (const group of groupsOfOneSize(tensors, ({ weight }) => weight.size, Math.floor((limit - 1) / 4))) {
    const { size } = group[0]!.weight;
    const width = widthOf(size);
    const [x, y] = workgroupsFor(size / width, WORKGROUP);
    run({
      program: program(group.length, width),
      inputs: [gradientScale, ...group.map(({ gradient }) => gradient)],
      outputs: [],
      updates: group.flatMap(({ weight, mean, square }) => [weight, mean, square]),
      uniforms: [size / width, ...[beta1, 1 - beta1, beta2, 1 - beta2, stepSize, squareScale, epsilon, decay].map(f32)],
      workgroups: [x, y, group.length],
    });
  }
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
  const variables = [
    'var<storage, read> gradientScale: array<f32>;',
    ...Array.from({ length: count }, (_, k) => `var<storage, read> gradient${k}: array<real>;`),
    ...Array.from({ length: count }, (_, k) =>
      ['weight', 'mean', 'square'].map((name) => `var<storage, read_write> ${name}${k}: array<real>;`),
    ).flat(),
    'var<uniform> uniforms: Uniforms;',
  ];
  return {
    key: `adamw/${count}/${width}`,
    wgsl: () => `
${realOf(width)}
struct Uniforms {
  count: u32, beta1: f32, rest1: f32, beta2: f32, rest2: f32,
  stepSize: f32, squareScale: f32, epsilon: f32, decay: f32,
}
${variables.map((variable, binding) => `@group(0) @binding(${binding}) ${variable}`).join('\n')}

@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let item = (workgroup.y * workgroups.x + workgroup.x) * ${WORKGROUP}u + local;
  if (item >= uniforms.count) { return; }
  switch workgroup.z {
    ${unrolled(
      count,
      (k) => `
    case ${k}u: {
      let gradient = gradient${k}[item] * gradientScale[0];
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
  return [1, 2, 3].flatMap((count) => [program(count, 4), program(count, 1)]);
}
