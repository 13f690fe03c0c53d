// Column sums of a tall matrix [R, C], the second stage of gradients that are summed over tokens: kernels leave a row of
// partial sums a workgroup, this adds the rows. A workgroup sums 16 columns (of four floats) in 16 interleaved parts, and the
// parts as a tree; the order is fixed. Bytes: R C read, C written.
import type * as tf from '#tfjs';
import { run, type Program } from './runner.js';
import { bindings, realOf, WORKGROUP, type Width } from './vectors.js';

const COLUMNS = 16;
const PARTS = WORKGROUP / COLUMNS;

/** x of `rows` rows -> the sums of the columns from `start` on, as many as `shape` holds, in that shape. */
export function columnSums(x: tf.Tensor, rows: number, start: number, shape: readonly number[]): tf.Tensor {
  const width = x.size / rows;
  const count = shape.reduce((product, size) => product * size, 1);
  const vector = [width, start, count].every((size) => size % 4 === 0) ? 4 : 1;
  const [sums] = run({
    program: program(vector),
    inputs: [x],
    outputs: [{ shape }],
    uniforms: [rows, width / vector, start / vector, count / vector],
    workgroups: [Math.ceil(count / vector / COLUMNS)],
  });
  return sums;
}

function program(width: Width): Program {
  return {
    key: `column-sums/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ x: 'real' }, { sums: 'real' }, 'rows: u32, width: u32, start: u32, count: u32')}
var<workgroup> parts: array<real, ${WORKGROUP}>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let column = workgroup.x * ${COLUMNS}u + local % ${COLUMNS}u;
  let part = local / ${COLUMNS}u;
  var sum = real(0.0);
  if (column < uniforms.count) {
    for (var row = part; row < uniforms.rows; row += ${PARTS}u) {
      sum += x[row * uniforms.width + uniforms.start + column];
    }
  }
  parts[local] = sum;
  workgroupBarrier();
  for (var distance = ${PARTS / 2}u; distance > 0u; distance /= 2u) {
    if (part < distance) { parts[local] += parts[local + distance * ${COLUMNS}u]; }
    workgroupBarrier();
  }
  if (part == 0u && column < uniforms.count) { sums[column] = parts[local]; }
}`,
  };
}

export function samples(): Program[] {
  return [program(4), program(1)];
}
