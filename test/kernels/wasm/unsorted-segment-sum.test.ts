import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import '../../../src/kernels/register.js';

test('the gradient of a gather adds up what each row was used for', async (t) => {
  (await startEngine('wasm')).use();
  const table = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
  const ids = tf.tensor2d([2, 0, 2, 2], [2, 2], 'int32');
  const gradient = tf.grad((x: tf.Tensor) =>
    tf.sum(tf.mul(tf.gather(x, ids), tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]))),
  );
  t.deepEqual(Array.from(await gradient(table).data()), [3, 4, 0, 0, 1 + 5 + 7, 2 + 6 + 8]);
});
