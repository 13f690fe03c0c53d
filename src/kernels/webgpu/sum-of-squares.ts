// The sum of the squares of many tensors' elements, for the norm of a gradient, in two stages of a fixed order: each tensor is
// summed by up to 512 workgroups, and one workgroup adds what they found. Tensors of one size share a dispatch, as many as the
// adapter binds. An invocation has four vectors in flight. Bytes: each element read once. Bound by memory.
import type * as tf from '#tfjs';
import { groupsOfOneSize } from './adamw.js';
import { deviceBackend, run, uninitialised, type Program } from './runner.js';
import { bindings, realOf, rowSum, unrolled, widthOf, WORKGROUP, type Width } from './vectors.js';

/** Workgroups of one tensor, and the vectors that an invocation takes where there are fewer. */
const MOST_PARTS = 512;
const VECTORS = 16;
/** Vectors, or partial sums, that an invocation has in flight. */
const LOADS = 4;

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
  return {
    key: `sum-of-squares/parts/${count}/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings(
  Object.fromEntries(Array.from({ length: count }, (_, k) => [`x${k}`, 'real'])),
  { parts: 'f32' },
  'count: u32, start: u32',
)}
${rowSum(WORKGROUP, 'f32')}
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let stride = workgroups.x * ${WORKGROUP}u;
  let first = workgroup.x * ${WORKGROUP}u + local;
  var sum = real(0.0);
  switch workgroup.y {
    ${unrolled(count, (k) => `case ${k}u: { ${eachOf(`x${k}`, 'real', (x) => `sum += ${x} * ${x};`)} }`)}
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
${bindings({ parts: 'f32' }, { norm: 'f32' }, 'count: u32')}
${rowSum(WORKGROUP, 'f32')}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  let stride = ${WORKGROUP}u;
  let first = local;
  var sum = 0.0;
  ${eachOf('parts', 'f32', (part) => `sum += ${part};`)}
  let all = rowSum(local, sum);
  if (local == 0u) { norm[0] = sqrt(all); }
}`,
  };
}

/** The body for the elements `first`, `first + stride`, ... of `uniforms.count`, loaded some at a time. */
function eachOf(array: string, element: string, body: (value: string) => string): string {
  const at = (i: number) => `at + ${i}u * stride`;
  return `
  for (var at = first; at < uniforms.count; at += ${LOADS}u * stride) {
    ${unrolled(LOADS, (i) => `let value${i} = select(${element}(0.0), ${array}[min(${at(i)}, uniforms.count - 1u)], ${at(i)} < uniforms.count);`)}
    ${unrolled(LOADS, (i) => body(`value${i}`))}
  }`;
}

export function samples(): Program[] {
  return [partsProgram(1, 1), partsProgram(7, 4), partsProgram(15, 4), normProgram()];
}
