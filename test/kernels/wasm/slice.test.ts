import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import '../../../src/kernels/register.js';

const SHAPE = [3, 4, 5, 2, 3];

/** [0, 1, 2, ...] in the first `rank` dimensions of SHAPE. */
function counted(rank: number, dtype: 'float32' | 'int32' | 'bool'): tf.Tensor {
  const shape = SHAPE.slice(0, rank);
  const values = Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => (dtype === 'bool' ? i % 2 : i));
  return tf.tensor(values, shape, dtype);
}

/** The same computed on wasm and on tfjs's cpu backend. */
async function onBoth(body: () => tf.Tensor[]): Promise<[unknown, unknown]> {
  const values = async (backend: 'wasm' | 'cpu') => {
    (await startEngine(backend)).use();
    const parts = body();
    return Promise.all(
      parts.map(async (part) => ({ shape: part.shape, dtype: part.dtype, data: [...(await part.data())] })),
    );
  };
  return [await values('wasm'), await values('cpu')];
}

for (const dtype of ['float32', 'int32', 'bool'] as const)
  test.serial(`slices of ${dtype} tensors of every rank are tfjs's`, async (t) => {
    for (let rank = 1; rank <= SHAPE.length; rank++)
      for (const first of [0, 1])
        for (let cutDimension = 0; cutDimension < rank; cutDimension++) {
          const begin = SHAPE.slice(0, rank).map((_, i) => (i === cutDimension ? first : 0));
          const inner = SHAPE.slice(0, rank).map((length, i) => (i === cutDimension ? length - first : -1));
          const [found, wanted] = await onBoth(() => [
            tf.slice(counted(rank, dtype), begin, inner),
            tf.slice(
              counted(rank, dtype),
              begin,
              begin.map(() => 1),
            ),
          ]);
          t.deepEqual(found, wanted);
        }
  });

test.serial("splits and unstacks are tfjs's", async (t) => {
  const [found, wanted] = await onBoth(() => {
    const x = counted(4, 'float32');
    return [
      ...tf.split(x, [1, 0, 3], 1),
      ...tf.split(x, 5, -2),
      ...tf.unstack(x, 0),
      ...tf.unstack(x, -1),
      ...tf.unstack(counted(1, 'int32')),
    ];
  });
  t.deepEqual(found, wanted);
});
