// Matrices in f16, two elements to a 32-bit word, rounded to nearest even. TensorFlow.js has no such type, and adds up whatever
// bits it is given, so that a packed matrix is no tf.Tensor: only kernels that know it may touch it. What layers compute may be packed
// and a tf.Tensor all the same: such a one is unpacked when something asks for f32 (device-backend.ts), and the kernels that know
// it read its words.
//   packing: 4 bytes read and 2 written an element.
import type * as tf from '#tfjs';
import { halfCopyOf, rememberHalfCopy } from './half-copies.js';
import { deviceBackend, run, workgroupsFor, type Program } from './runner.js';

/** Elements that a thread packs. Rows of a matrix are whole multiples, so that they start at a vector of 16 bytes. */
export const HALVES_PER_VECTOR = 8;
const WORKGROUP = 256;

declare const packed: unique symbol;

/** A packed matrix [rows, columns]; columns is a multiple of eight. */
export class HalfTensor {
  declare readonly [packed]: true;
  readonly shape: readonly [rows: number, columns: number];
  /** Two halves to an element, [rows, columns / 2] int32: not numbers. */
  readonly words: tf.Tensor;

  constructor(shape: readonly [number, number], words: tf.Tensor) {
    this.shape = shape;
    this.words = words;
  }

  get size(): number {
    return this.shape[0] * this.shape[1];
  }

  dispose(): void {
    this.words.dispose();
  }
}

/** Whether a matrix of this shape can be packed. */
export function fitsHalf(shape: readonly number[]): boolean {
  return shape.length === 2 && shape[1]! % HALVES_PER_VECTOR === 0;
}

/** Whether a tensor of this shape can be packed: whole vectors in each row. */
export function packsRows(shape: readonly number[]): boolean {
  return shape.length > 0 && shape.at(-1)! % HALVES_PER_VECTOR === 0;
}

/** The words of a tensor whose elements are packed. */
export function packedOf(x: tf.TensorInfo): tf.Tensor | undefined {
  return deviceBackend().packedOf(x);
}

/** x [..., columns] -> its packed rows. The same tensor is converted once while the first copy lives. */
export function toHalf(x: tf.Tensor): HalfTensor {
  const columns = x.shape.at(-1)!;
  const rows = columns === 0 ? 0 : x.size / columns;
  let words = packedOf(x) ?? halfCopyOf(x);
  if (words === undefined) {
    const vectors = x.size / HALVES_PER_VECTOR;
    [words] = run({
      program: PACK,
      inputs: [x],
      outputs: [{ shape: [rows, columns / 2], dtype: 'int32' }],
      uniforms: [vectors],
      workgroups: workgroupsFor(vectors, WORKGROUP),
    });
    rememberHalfCopy(x, words);
  }
  return new HalfTensor([rows, columns], words);
}

/** x [..., columns] as a tensor that holds packed elements alone; x is disposed. */
export function packedAlone<T extends tf.Tensor>(x: T): T {
  const vectors = x.size / HALVES_PER_VECTOR;
  const [packed] = run({
    program: PACK,
    inputs: [x],
    outputs: [{ shape: x.shape, packed: true }],
    uniforms: [vectors],
    workgroups: workgroupsFor(vectors, WORKGROUP),
  });
  x.dispose();
  return packed as T;
}

const PACK: Program = {
  key: 'pack-half',
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> packed: array<vec4u>;
@group(0) @binding(2) var<uniform> vectors: vec4u;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * ${WORKGROUP}u + id.x;
  if (i >= vectors.x) { return; }
  let low = x[2u * i];
  let high = x[2u * i + 1u];
  packed[i] = vec4u(pack2x16float(low.xy), pack2x16float(low.zw), pack2x16float(high.xy), pack2x16float(high.zw));
}`,
};

export function samples(): Program[] {
  return [PACK];
}
