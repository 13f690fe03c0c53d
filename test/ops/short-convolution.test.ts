import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { shortConvolution } from '../../src/ops/short-convolution.js';

test('the last tap multiplies the current token, and a state joins two pieces', async (t) => {
  (await startEngine('wasm')).use();
  const x = tf.tensor3d([1, 10, 2, 20, 3, 30, 4, 40, 5, 50], [1, 5, 2]);
  const weight = tf.tensor3d([0.001, 0.01, 0.1, 1, 2, 0, 0, 1], [2, 1, 4]);
  const bias = tf.tensor1d([0, 5]);
  const whole = shortConvolution({ x, weight, bias, state: null }, 'none');
  const wanted = [1, 15, 2.1, 25, 3.21, 35, 4.321, 40 + 20 + 5, 5.432, 50 + 40 + 5];
  (await whole.y.data()).forEach((value, i) => t.true(Math.abs(value - wanted[i]!) < 1e-5));
  t.is(whole.state, null);

  const first = shortConvolution(
    { x: tf.slice(x, [0, 0, 0], [1, 2, 2]), weight, bias, state: tf.zeros([1, 3, 2]) },
    'none',
  );
  const second = shortConvolution({ x: tf.slice(x, [0, 2, 0], [1, 3, 2]), weight, bias, state: first.state }, 'none');
  t.deepEqual([...(await first.y.data()), ...(await second.y.data())], [...(await whole.y.data())]);
});
