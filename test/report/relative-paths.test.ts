import test from 'ava';
import { relativePaths } from '../../src/report/relative-paths.js';

test('every point of a path is told from the one before, and the first of a part from the last of the part before', (t) => {
  t.is(
    relativePaths('<path d="M10 20L10.5 19.25Q12 13 14 15C1 2 3 4 5 6ZM11 21L12 22"/>'),
    '<path d="m10 20l.5-.75q1.5-6.25 3.5-4.25c-13-13-11-11-9-9zm1 1l1 1"/>',
  );
});

test('rounding does not add up along a path', (t) => {
  const points = Array.from({ length: 100 }, (_, k) => `L${(k * 0.333).toFixed(3)} 0`).join('');
  const steps = relativePaths(` d="M0 0${points}"`).match(/l-?[\d.]+/g)!;
  t.true(Math.abs(steps.reduce((x, step) => x + Number(step.slice(1)), 0) - 99 * 0.333) < 0.006);
});

test('a path with other commands, and what is no path, stay as they are', (t) => {
  for (const text of [' d="M1 1H5"', ' id="M1 1"', ' d="M1e-7 0"']) t.is(relativePaths(text), text);
});
