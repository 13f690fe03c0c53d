// A batch of matrix products as a list of single ones: tf.matMul's operands, whose outer axes broadcast.
import * as tf from '#tfjs';
import { elements } from './heap.js';

/** A, or with its last two axes swapped, times B, or with its last two axes swapped. */
export interface Operands {
  readonly a: tf.TensorInfo;
  readonly b: tf.TensorInfo;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** `count` products of [m, k] and [k, n], whose results lie one after the other in a tensor of shape `shape`. */
export interface MatrixBatch {
  readonly shape: number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly count: number;
  /** Which matrix of a, and of b, the i-th product takes. */
  readonly left: (i: number) => number;
  readonly right: (i: number) => number;
}

export function batchOf({ a, b, transposeA, transposeB }: Operands): MatrixBatch {
  const [m, k] = extents(a, transposeA);
  const [, n] = extents(b, transposeB);
  const [outerA, outerB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const outer = tf.broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
  const shape = [...outer, m, n];
  const count = elements(outer);
  return { shape, m, n, k, count, left: matrixOf(outerA, outer), right: matrixOf(outerB, outer) };
}

/** Many matrices times one are one tall matrix times it: the same elements, as a single product. */
export function folded(operands: Operands): Operands {
  const { a, b, transposeA } = operands;
  if (transposeA || elements(b.shape.slice(0, -2)) !== 1) return operands;
  const k = a.shape.at(-1)!;
  return {
    ...operands,
    a: { ...a, shape: [elements(a.shape.slice(0, -1)), k] },
    b: { ...b, shape: b.shape.slice(-2) },
  };
}

function extents(x: tf.TensorInfo, transposed: boolean): [number, number] {
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

/** Which matrix of an operand stands at the i-th place of the outer axes that it broadcasts to. */
function matrixOf(own: readonly number[], outer: readonly number[]): (i: number) => number {
  if (elements(own) === elements(outer)) return (i) => i;
  const aligned = [...Array<number>(outer.length - own.length).fill(1), ...own];
  let indices = [0];
  outer.forEach((extent, axis) => {
    const step = aligned[axis] === 1 ? 0 : 1;
    indices = indices.flatMap((index) => Array.from({ length: extent }, (_, i) => index * aligned[axis]! + step * i));
  });
  return (i) => indices[i]!;
}
