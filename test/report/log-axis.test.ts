import test from 'ava';
import { decimalTicks, powersOfTwo } from '../../src/report/log-axis.js';

test('lengths have ticks at powers of two around them', (t) => {
  t.deepEqual(powersOfTwo([512, 4096]), [512, 1024, 2048, 4096]);
  t.deepEqual(powersOfTwo([600, 3000]), [512, 1024, 2048, 4096]);
});

test('where powers of two are many, every second one has a tick, and the last value is still inside', (t) => {
  const ticks = powersOfTwo([64, 32768]);
  t.deepEqual(ticks, [64, 256, 1024, 4096, 16384, 65536]);
});

test('other figures have ticks at 1, 2 and 5, or at powers of ten where these are many', (t) => {
  t.deepEqual(decimalTicks([1300, 18000]), [1000, 2000, 5000, 10000, 20000]);
  t.deepEqual(
    decimalTicks([0.03, 900]),
    [0.01, 0.1, 1, 10, 100, 1000].map((tick) => tick),
  );
  t.deepEqual(decimalTicks([7, 7]), [5, 10]);
});
