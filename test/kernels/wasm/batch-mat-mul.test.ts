import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import { testMatrixProducts } from './matrix-products.js';

process.env.SWAT_EVAL_BLAS = 'off';

test.serial('with SWAT_EVAL_BLAS=off XNNPACK multiplies', async (t) => {
  t.is((await startEngine('wasm')).blas, 'XNNPACK (1 thread)');
});

testMatrixProducts();
