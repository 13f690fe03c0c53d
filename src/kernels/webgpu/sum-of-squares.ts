// The sum of the squares of many tensors' elements, for the norm of a gradient, in two stages of a fixed order: each tensor is
// summed by up to 256 workgroups, and one workgroup adds what they found. Tensors of one size share a dispatch, as many as the
// adapter binds. Bytes: each element read once. Bound by memory.
import type * as tf from '#tfjs';
import { groupsOfOneSize } from './adamw.js';
import { deviceBackend, run, uninitialised, type Program } from './runner.js';
import { realOf, rowSum, unrolled, widthOf, WORKGROUP, type Width } from './vectors.js';

/** Workgroups of one tensor, and the vectors that an invocation takes where there are fewer. */
const MOST_PARTS = 256;
const VECTORS = 4;

/** sqrt(sum of squares) of all the tensors' elements, a scalar on the device. */
export function normOf(tensors: readonly tf.Tensor[]): tf.Scalar {
  const most = deviceBackend().device.limits.maxStorageBuffersPerShaderStage - 1;
  const groups = groupsOfOneSize(tensors, ({ size }) => size, most);
  const parts = uninitialised([groups.reduce((sum, group) => sum + group.length * partsOf(group[0]!), 0)]);
  let start = 0;
  for (const group of groups) {
    const width = widthOf(group[0]!.size);
    const count = partsOf(group[0]!);
    run({
      program: partsProgram(group.length, width),
      inputs: group,
      outputs: [],
      updates: [parts],
      uniforms: [group[0]!.size / width, start],
      workgroups: [count, group.length],
    });
    start += count * group.length;
  }
  const [norm] = run({
    program: normProgram(),
    inputs: [parts],
    outputs: [{ shape: [] }],
    uniforms: [start],
    workgroups: [1],
  });
  parts.dispose();
  return norm as tf.Scalar;
}

function partsOf({ size }: tf.Tensor): number {
  return Math.min(MOST_PARTS, Math.ceil(size / widthOf(size) / (WORKGROUP * VECTORS)));
}

function partsProgram(count: number, width: Width): Program {
  const variables = [
    ...Array.from({ length: count }, (_, k) => `var<storage, read> x${k}: array<real>;`),
    'var<storage, read_write> parts: array<f32>;',
    'var<uniform> uniforms: Uniforms;',
  ];
  return {
    key: `sum-of-squares/parts/${count}/${width}`,
    wgsl: () => `
${realOf(width)}
struct Uniforms { count: u32, start: u32 }
${variables.map((variable, binding) => `@group(0) @binding(${binding}) ${variable}`).join('\n')}
${rowSum(WORKGROUP, 'f32')}
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  var sum = real(0.0);
  switch workgroup.y {
    ${unrolled(
      count,
      (k) => `
    case ${k}u: {
      for (var i = workgroup.x * ${WORKGROUP}u + local; i < uniforms.count; i += workgroups.x * ${WORKGROUP}u) {
        let x = x${k}[i];
        sum += x * x;
      }
    }`,
    )}
    default: {}
  }
  let all = rowSum(local, total(sum));
  if (local == 0u) { parts[uniforms.start + workgroup.y * workgroups.x + workgroup.x] = all; }
}`,
  };
}

function normProgram(): Program {
  return {
    key: 'sum-of-squares/norm',
    wgsl: () => `
struct Uniforms { count: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
@group(0) @binding(2) var<uniform> uniforms: Uniforms;
${rowSum(WORKGROUP, 'f32')}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = local; i < uniforms.count; i += ${WORKGROUP}u) { sum += parts[i]; }
  let all = rowSum(local, sum);
  if (local == 0u) { norm[0] = sqrt(all); }
}`,
  };
}

export function samples(): Program[] {
  return [partsProgram(1, 1), partsProgram(7, 4), partsProgram(15, 4), normProgram()];
}
