import test from 'ava';
import { decimalTicks, logAxis, powersOfTwo } from '../../src/report/log-axis.js';

test('lengths have ticks at powers of two around them', (t) => {
  t.deepEqual(powersOfTwo([512, 4096]), [512, 1024, 2048, 4096]);
  t.deepEqual(powersOfTwo([600, 3000]), [512, 1024, 2048, 4096]);
});

test('where powers of two are many, every second one has a tick, the last of them at the end of the values', (t) => {
  t.deepEqual(powersOfTwo([64, 32768]), [128, 512, 2048, 8192, 32768]);
  t.deepEqual(powersOfTwo([1, 65536]), [2, 16, 128, 1024, 8192, 65536]);
});

test('an axis of lengths reaches from the first value to the last power of two, and no further', (t) => {
  const lengths = [128, 65536];
  const { min, max } = logAxis('Length', lengths, powersOfTwo(lengths), String);
  t.true(min < 128 && min > 64);
  t.true(max > 65536 && max < 131072);
});

test('other figures have ticks at 1, 2 and 5, or at powers of ten where these are many', (t) => {
  t.deepEqual(decimalTicks([1300, 18000]), [1000, 2000, 5000, 10000, 20000]);
  t.deepEqual(
    decimalTicks([0.03, 900]),
    [0.01, 0.1, 1, 10, 100, 1000].map((tick) => tick),
  );
  t.deepEqual(decimalTicks([7, 7]), [5, 10]);
});
