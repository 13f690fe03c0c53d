import test from 'ava';
import type { BenchRecord } from '../../src/bench/bench-record.js';
import type { Cell } from '../../src/bench/cells.js';
import { gateBenches } from '../../src/check/gate-benches.js';
import { UserError } from '../../src/user-error.js';
import { exampleBench, measured, outOfMemory } from '../report/example-bench.js';

/** Three repetitions that agree, `factor` times as long as 500 ns a token. */
const steady = (factor: number) => (cell: Cell) => {
  const nanoseconds = 500 * factor * cell.batch * (cell.prompt + cell.generated);
  return measured(cell, { nanoseconds: [nanoseconds, nanoseconds, nanoseconds] });
};
const then = exampleBench('swat-tiny', steady(1));
const regressed = (now: BenchRecord) =>
  gateBenches([then], [now], 0.1)
    .comparisons.filter((comparison) => comparison.regressed)
    .map(({ task }) => task);

test('a cell is slower when its median is, by more than the tolerance', (t) => {
  t.deepEqual(regressed(exampleBench('swat-tiny', steady(1.05))), []);
  t.deepEqual(regressed(exampleBench('swat-tiny', steady(0.5))), []);
  const slow = exampleBench('swat-tiny', (cell) => steady(cell.prompt === 1024 && cell.depth === 0 ? 1.2 : 1)(cell));
  t.deepEqual(regressed(slow), ['pp1024']);
});

test('repetitions that disagree allow more', (t) => {
  t.deepEqual(
    gateBenches([exampleBench('swat-tiny')], [exampleBench('swat-tiny', steady(1.2))], 0.1).comparisons.filter(
      ({ regressed }) => regressed,
    ),
    [],
  );
});

test('a cell that has no figure any more is a regression that says why', (t) => {
  const { comparisons } = gateBenches([then], [exampleBench('swat-tiny', outOfMemory)], 0.1);
  t.true(comparisons.length > 0 && comparisons.every((comparison) => comparison.regressed));
  t.regex(comparisons[0]!.note!, /^OOM: needs about/);
});

test('another device, a missing benchmark and a missing cell are said, not gated', (t) => {
  const elsewhere = exampleBench('swat-tiny', steady(9), { cpu: 'another processor' });
  for (const [benches, note] of [
    [[elsewhere], /the reference was measured on .*, this one on .*another processor/],
    [[], /there is none now/],
    [[exampleBench('gla-tiny')], /there is none now/],
  ] as const) {
    const outcome = gateBenches([then], benches, 0.1);
    t.deepEqual(outcome.comparisons, []);
    t.regex(outcome.notes.join(), note);
  }
  const fewer = exampleBench('swat-tiny', steady(1), { results: then.results.slice(1) });
  const outcome = gateBenches([then], [fewer], 0.1);
  t.is(outcome.comparisons.length, then.results.length - 1);
  t.deepEqual(outcome.notes, ['swat-tiny: pp512 is not compared, no benchmark has it']);
});

test('a cell that was measured twice is refused', (t) => {
  const error = t.throws(() => gateBenches([then], [then, then], 0.1), { instanceOf: UserError });
  t.is(error.kind, 'usage');
});
