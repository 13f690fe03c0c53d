import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import { needsOpenBlas } from '../../openblas.js';
import { testMatrixProducts } from './matrix-products.js';

if (await needsOpenBlas(test)) {
  test.serial('OpenBLAS multiplies', async (t) => {
    t.regex((await startEngine('wasm')).blas!, /^OpenBLAS [\d.]+\S* \(\w+, \d+ threads?\)$/);
  });

  testMatrixProducts();

  test.serial('a heap that has grown, and so is another buffer, is found again', async (t) => {
    (await startEngine('wasm')).use();
    const x = tf.randomNormal([64, 64], 0, 1, 'float32', 3);
    const before = await tf.matMul(x, x).data();
    const large = Array.from({ length: 6 }, () => tf.zeros([1024, 4096]));
    t.deepEqual(await tf.matMul(x, x).data(), before);
    tf.dispose(large);
  });
}
