import test from 'ava';
import { exponentialOfNegative } from '../../../src/kernels/host/exponential.js';

test('the exponential of numbers that are not positive is right to 1e-11, down to where f32 ends', (t) => {
  for (let i = 0; i <= 104_000; i++) {
    const x = -i / 1000.1;
    t.true(Math.abs(exponentialOfNegative(x) / Math.exp(x) - 1) < 1e-11, String(x));
  }
  for (const x of [-0, -1e-300, -1e-9]) t.is(exponentialOfNegative(x), Math.exp(x));
  for (const x of [-104.5, -1e6, -Infinity]) t.is(exponentialOfNegative(x), 0);
  t.is(exponentialOfNegative(NaN), NaN);
});
