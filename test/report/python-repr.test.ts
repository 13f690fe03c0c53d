import test from 'ava';
import { pythonFloat } from '../../src/report/python-repr.js';

test("numbers are written as Python's str writes floats", (t) => {
  const cases: [number, string][] = [
    [-3, '-3.0'],
    [-12.25, '-12.25'],
    [0.0001, '0.0001'],
    [0.00001234, '1.234e-05'],
    [1.5e-7, '1.5e-07'],
    [123456789012345680, '1.2345678901234568e+17'],
    [1e22, '1e+22'],
    [-0, '-0.0'],
    [NaN, 'nan'],
    [-Infinity, '-inf'],
  ];
  for (const [value, text] of cases) t.is(pythonFloat(value), text);
});
