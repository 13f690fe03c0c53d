// Rows of a packed f16 matrix, as f32: the embedding of token ids.
//   2 bytes read and 4 written an element of the rows that are asked for.
import type * as tf from '#tfjs';
import type { HalfTensor } from './half-tensor.js';
import { run, workgroupsFor, type Program } from './runner.js';

const WORKGROUP = 256;

/** table [V, H], ids [...] int32 -> [..., H] */
export function halfRows(table: HalfTensor, ids: tf.Tensor): tf.Tensor {
  const width = table.shape[1];
  const vectors = (ids.size * width) / 4;
  const [rows] = run({
    program: HALF_ROWS,
    inputs: [table.words, ids],
    outputs: [{ shape: [...ids.shape, width] }],
    uniforms: [vectors, width / 4, table.shape[0]],
    workgroups: workgroupsFor(vectors, WORKGROUP),
  });
  return rows;
}

const HALF_ROWS: Program = {
  key: 'half-rows',
  wgsl: () => /* wgsl */ `
struct Shape { vectors: u32, perRow: u32, rows: u32 }
@group(0) @binding(0) var<storage, read> table: array<vec2u>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Shape;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * ${WORKGROUP}u + id.x;
  if (i >= p.vectors) { return; }
  let row = min(ids[i / p.perRow], p.rows - 1u);
  let words = table[row * p.perRow + i % p.perRow];
  out[i] = vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}`,
};

export function samples(): Program[] {
  return [HALF_ROWS];
}
