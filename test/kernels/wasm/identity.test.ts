import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import '../../../src/kernels/register.js';

test.serial('an identity takes no memory, and outlives the tensor it is of', async (t) => {
  (await startEngine('wasm')).use();
  const { numBytes, numDataBuffers } = tf.memory();
  const x = tf.tensor1d([1, 2, 3]);
  const copy = tf.clone(x);
  t.is(tf.memory().numDataBuffers, numDataBuffers + 1);
  x.dispose();
  t.deepEqual([...(await copy.data())], [1, 2, 3]);
  copy.dispose();
  t.is(tf.memory().numBytes, numBytes);
});

test.serial('a cast to another type changes the values, one to the own type nothing', async (t) => {
  (await startEngine('wasm')).use();
  const x = tf.tensor1d([1.5, -2.5, 3]);
  const [same, whole] = [tf.cast(x, 'float32'), tf.cast(x, 'int32')];
  t.deepEqual([...(await same.data())], [1.5, -2.5, 3]);
  t.deepEqual([...(await whole.data())], [1, -2, 3]);
  t.is(whole.dtype, 'int32');
  tf.dispose([x, same, whole]);
});
