import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import '../../../src/kernels/register.js';

const CASES: [what: string, shape: number[], indices: tf.TensorLike, axis: number, batchDims: number][] = [
  ['rows', [5, 3], [4, 0, 4], 0, 0],
  [
    'rows by a matrix of indices',
    [5, 3],
    [
      [4, 0],
      [1, 2],
    ],
    0,
    0,
  ],
  ['elements', [7], [6, 6, 0], 0, 0],
  ['along a later axis', [2, 5, 3], [3, 1], 1, 0],
  ['along the last axis', [2, 3, 4], [3, 0, 1], -1, 0],
  [
    'with a batch axis',
    [2, 5, 3],
    [
      [3, 1],
      [0, 4],
    ],
    1,
    1,
  ],
  [
    'with a batch axis and one between',
    [2, 3, 4],
    [
      [3, 1],
      [0, 2],
    ],
    2,
    1,
  ],
  ['by one index', [5, 3], 2, 0, 0],
  ['by no index', [5, 3], [], 0, 0],
];

for (const [what, shape, indices, axis, batchDims] of CASES)
  for (const dtype of ['float32', 'int32', 'bool'] as const)
    test.serial(`gathers ${what} of ${dtype} as the cpu engine does`, async (t) => {
      const gathered = async (backend: 'wasm' | 'cpu') => {
        (await startEngine(backend)).use();
        const values = Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => (dtype === 'bool' ? i % 2 : i));
        const out = tf.gather(tf.tensor(values, shape, dtype), tf.tensor(indices, undefined, 'int32'), axis, batchDims);
        return { shape: out.shape, dtype: out.dtype, data: [...(await out.data())] };
      };
      t.deepEqual(await gathered('wasm'), await gathered('cpu'));
    });

test.serial('an index outside is an error', async (t) => {
  (await startEngine('wasm')).use();
  for (const index of [-1, 5])
    t.throws(() => tf.gather(tf.zeros([5, 3]), tf.tensor1d([index], 'int32')), { instanceOf: RangeError });
});
