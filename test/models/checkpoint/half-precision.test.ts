import test from 'ava';
import {
  bfloatFromFloat,
  floatFromBfloat,
  floatFromHalf,
  halfFromFloat,
} from '../../../src/models/checkpoint/half-precision.js';

const allBits = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

test('float16 values are exact, subnormal, infinite and signed zero ones too', (t) => {
  const bits = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8001, 0x7c00, 0xfc00, 0x0000, 0x8000, 0x3555];
  const values = [
    1,
    -2,
    65504,
    2 ** -14,
    1023 * 2 ** -24,
    2 ** -24,
    -(2 ** -24),
    Infinity,
    -Infinity,
    0,
    -0,
    1365 / 4096,
  ];
  t.deepEqual([...floatFromHalf(Uint16Array.from(bits))], values);
  t.true(Number.isNaN(floatFromHalf(Uint16Array.of(0x7e01))[0]));
});

test('every float16 survives widening and narrowing', (t) => {
  const isNaNBits = (bits: number) => (bits & 0x7fff) > 0x7c00;
  const back = halfFromFloat(floatFromHalf(allBits));
  t.true(allBits.every((bits, i) => (isNaNBits(bits) ? isNaNBits(back[i]!) : back[i] === bits)));
});

test('every bfloat16 survives widening and narrowing', (t) => {
  const isNaNBits = (bits: number) => (bits & 0x7fff) > 0x7f80;
  const back = bfloatFromFloat(floatFromBfloat(allBits));
  t.true(allBits.every((bits, i) => (isNaNBits(bits) ? isNaNBits(back[i]!) : back[i] === bits)));
});

/** What narrowing must give: for each pair of neighbouring values, below, at and above the middle. */
function neighbours(widen: (bits: Uint16Array) => Float32Array, lastFinite: number) {
  const values = widen(allBits);
  const cases: { value: number; bits: number }[] = [];
  for (let low = 0; low < lastFinite; low++) {
    const middle = Math.fround((values[low]! + values[low + 1]!) / 2);
    const quarter = (values[low + 1]! - values[low]!) / 4;
    cases.push({ value: middle, bits: low % 2 === 0 ? low : low + 1 });
    cases.push({ value: middle - quarter, bits: low }, { value: middle + quarter, bits: low + 1 });
  }
  return cases;
}

test('float16 narrowing rounds to nearest, ties to even, over the whole range', (t) => {
  const cases = neighbours(floatFromHalf, 0x7bff);
  const narrowed = halfFromFloat(Float32Array.from(cases, ({ value }) => value));
  const negative = halfFromFloat(Float32Array.from(cases, ({ value }) => -value));
  t.true(cases.every(({ bits }, i) => narrowed[i] === bits));
  t.true(cases.every(({ bits }, i) => negative[i] === (bits | 0x8000)));
});

test('bfloat16 narrowing rounds to nearest, ties to even, over the whole range', (t) => {
  const cases = neighbours(floatFromBfloat, 0x7f7f);
  const narrowed = bfloatFromFloat(Float32Array.from(cases, ({ value }) => value));
  t.true(cases.every(({ bits }, i) => narrowed[i] === bits));
});

test('beyond the range float16 becomes infinite from the middle to the next power on, and tiny values vanish', (t) => {
  const source = Float32Array.of(65519.996, 65520, -1e30, 2 ** -25, 2 ** -25 * 1.0001, 1e-45, -1e-45);
  t.deepEqual([...halfFromFloat(source)], [0x7bff, 0x7c00, 0xfc00, 0, 1, 0, 0x8000]);
});

test('bfloat16 rounds the largest floats up to infinity', (t) => {
  t.deepEqual([...bfloatFromFloat(Float32Array.of(3.4028235e38, -3.4028235e38))], [0x7f80, 0xff80]);
});

test('a view into a larger buffer is narrowed as the view', (t) => {
  t.deepEqual([...halfFromFloat(Float32Array.of(5, 1, 2).subarray(1))], [0x3c00, 0x4000]);
});
