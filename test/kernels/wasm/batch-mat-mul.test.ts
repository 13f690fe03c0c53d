import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import '../../../src/kernels/register.js';

const CASES: [string, number[], number[]][] = [
  ['two matrices', [9, 17], [17, 11]],
  ['equal batches', [3, 9, 17], [3, 17, 11]],
  ['one matrix against a batch', [1, 9, 17], [4, 17, 11]],
  ['a batch against one matrix', [4, 9, 17], [1, 17, 11]],
  ['two batch axes', [2, 3, 9, 17], [2, 3, 17, 11]],
  ['batches that broadcast both ways', [2, 1, 9, 17], [1, 3, 17, 11]],
  ['small matrices', [3, 2, 3], [3, 3, 2]],
];

const swapped = (shape: number[]) => [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];

for (const [name, a, b] of CASES)
  for (const transposeA of [false, true])
    for (const transposeB of [false, true])
      test.serial(
        `${name}${transposeA ? ', left transposed' : ''}${transposeB ? ', right transposed' : ''}: the cpu engine's product`,
        async (t) => {
          const product = async (backend: 'cpu' | 'wasm') => {
            (await startEngine(backend)).use();
            const left = tf.randomNormal(transposeA ? swapped(a) : a, 0, 1, 'float32', 5);
            const right = tf.randomNormal(transposeB ? swapped(b) : b, 0, 1, 'float32', 6);
            const before = tf.memory().numDataBuffers;
            const out = tf.matMul(left, right, transposeA, transposeB);
            t.is(tf.memory().numDataBuffers, before + 1);
            return { shape: out.shape, values: await out.data() };
          };
          const [wanted, found] = [await product('cpu'), await product('wasm')];
          t.deepEqual(found.shape, wanted.shape);
          t.true(wanted.values.every((value, i) => Math.abs(value - found.values[i]!) < 1e-4));
        },
      );
