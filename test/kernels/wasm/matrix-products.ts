// Every transpose and every kind of batch on the wasm engine, against the sums that define the product. (Not against the cpu
// engine, whose product of batches that broadcast both ways has too few elements.)
import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import '../../../src/kernels/register.js';

const CASES: [string, number[], number[]][] = [
  ['two matrices', [9, 17], [17, 11]],
  ['many rows', [65, 17], [17, 11]],
  ['many columns', [9, 17], [17, 65]],
  ['one row', [1, 133], [133, 17]],
  ['one column', [17, 133], [133, 1]],
  ['an inner extent of one', [47, 1], [1, 49]],
  ['equal batches', [3, 9, 31], [3, 31, 11]],
  ['batches of rows', [3, 1, 131], [3, 131, 17]],
  ['one matrix against a batch', [1, 9, 31], [4, 31, 11]],
  ['a batch against one matrix', [4, 9, 31], [1, 31, 11]],
  ['a batch against a matrix without a batch axis', [4, 9, 31], [31, 11]],
  ['two batch axes', [2, 3, 9, 31], [2, 3, 31, 11]],
  ['batches that broadcast both ways', [2, 1, 9, 31], [1, 3, 31, 11]],
  ['batches of different rank', [3, 9, 31], [2, 1, 31, 11]],
  ['small matrices', [3, 2, 3], [3, 3, 2]],
  ['small matrices that broadcast both ways', [2, 1, 2, 3], [1, 3, 3, 2]],
  ['no rows', [3, 0, 4], [3, 4, 2]],
  ['nothing to sum', [2, 3, 0], [2, 0, 4]],
];

export function testMatrixProducts(): void {
  for (const [name, a, b] of CASES)
    for (const transposeA of [false, true])
      for (const transposeB of [false, true])
        test.serial(
          `${name}${transposeA ? ', left transposed' : ''}${transposeB ? ', right transposed' : ''}: the product`,
          async (t) => {
            (await startEngine('wasm')).use();
            const left = tf.randomNormal(transposeA ? swapped(a) : a, 0, 1, 'float32', 5);
            const right = tf.randomNormal(transposeB ? swapped(b) : b, 0, 1, 'float32', 6);
            const before = tf.memory().numDataBuffers;
            const out = tf.matMul(left, right, transposeA, transposeB);
            t.is(tf.memory().numDataBuffers, before + 1);
            const wanted = product(
              { shape: a, at: reader(await left.data(), a, transposeA) },
              { shape: b, at: reader(await right.data(), b, transposeB) },
            );
            const found = await out.data();
            tf.dispose([left, right, out]);
            t.deepEqual(out.shape, wanted.shape);
            t.is(found.length, wanted.values.length);
            t.true(wanted.values.every((value, i) => Math.abs(value - found[i]!) < 1e-4));
          },
        );
}

interface Matrices {
  /** [..., rows, columns] */
  shape: number[];
  /** Element of the matrix with this index. */
  at: (matrix: number, row: number, column: number) => number;
}

function reader(values: ArrayLike<number>, shape: number[], transposed: boolean): Matrices['at'] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return (matrix, row, column) =>
    values[matrix * rows * columns + (transposed ? column * rows + row : row * columns + column)]!;
}

function product(a: Matrices, b: Matrices): { shape: number[]; values: number[] } {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1)!;
  const outer = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const values: number[] = [];
  for (let i = 0; i < tf.util.sizeFromShape(outer); i++) {
    const place = tf.util.indexToLoc(i, outer.length, tf.util.computeStrides([...outer, 1]));
    const [left, right] = [a, b].map(({ shape }) => {
      const own = shape.slice(0, -2);
      return own.reduce((index, size, axis) => {
        return index * size + (size === 1 ? 0 : place[axis + outer.length - own.length]!);
      }, 0);
    }) as [number, number];
    for (let row = 0; row < m; row++)
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let j = 0; j < k; j++) sum += a.at(left, row, j) * b.at(right, j, column);
        values.push(sum);
      }
  }
  return { shape: [...outer, m, n], values };
}

function swapped(shape: number[]): number[] {
  return [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
}
