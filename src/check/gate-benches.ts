// Whether a model became slower, by benchmarks: the median of a cell's repetitions against that of the reference's, on the same
// device. A cell that has no figure any more (no memory, an error) is slower than any.
import type { BenchRecord, CellResult, MeasuredCell } from '../bench/bench-record.js';
import { cellKey, cellName, cellTokens } from '../bench/cells.js';
import { median, medianAbsoluteDeviation } from '../bench/statistics.js';
import { UserError } from '../user-error.js';
import { judgeSpeed, MEDIAN_ERROR } from './gate-speed.js';
import type { Comparison, GateOutcome } from './gate-outcome.js';

/** A normal distribution's standard deviation over its median absolute deviation. */
const DEVIATION = 1.4826;

type BenchOutcome = Pick<GateOutcome, 'comparisons' | 'notes'>;

/**
 * Every cell of the reference's benchmarks that the benchmarks now measured too.
 * @param slowdown relative loss of tokens a second that is tolerated, e.g. 0.1.
 * @throws UserError 'usage' for a cell that was measured more than once.
 */
export function gateBenches(
  references: readonly BenchRecord[],
  benches: readonly BenchRecord[],
  slowdown: number,
): BenchOutcome {
  const outcomes = references.map((then): BenchOutcome => {
    const { label, spec } = then.model;
    const ofModel = benches.filter(({ model }) => model.spec === spec);
    const onDevice = ofModel.filter((now) => describeDevice(now) === describeDevice(then));
    if (onDevice.length === 0) return { comparisons: [], notes: [`${label}: ${whyNot(then, ofModel)}`] };
    const cells = then.results.filter((result) => result.status === 'ok');
    const pairs = cells.map((cell) => ({ cell, now: sameCell(onDevice, cell) }));
    return {
      comparisons: pairs.flatMap(({ cell, now }) => (now === null ? [] : [compareCell(label, cell, now, slowdown)])),
      notes: pairs
        .filter(({ now }) => now === null)
        .map(({ cell }) => `${label}: ${describeCell(cell)} is not compared, no benchmark has it`),
    };
  });
  return {
    comparisons: outcomes.flatMap(({ comparisons }) => comparisons),
    notes: outcomes.flatMap(({ notes }) => notes),
  };
}

function whyNot(then: BenchRecord, [now]: readonly BenchRecord[]): string {
  return now === undefined
    ? "the reference's benchmark is not compared, there is none now"
    : `the benchmark is not compared, the reference was measured on ${describeDevice(then)}, this one on ${describeDevice(now)}`;
}

function sameCell(benches: readonly BenchRecord[], { cell }: MeasuredCell): CellResult | null {
  const [now, another] = benches
    .flatMap(({ results }) => results)
    .filter((result) => cellKey(result.cell) === cellKey(cell));
  if (another !== undefined)
    throw new UserError('usage', `${cellName(cell)} of one model was measured in several benchmarks`, {
      hint: 'the directory of the one that is to be checked',
    });
  return now ?? null;
}

function compareCell(model: string, then: MeasuredCell, now: CellResult, slowdown: number): Comparison {
  const speed = (result: CellResult) =>
    result.status === 'ok' ? (cellTokens(result.cell) * 1e9) / median(result.nanoseconds) : NaN;
  const errors = [then, now].map((result) => (result.status === 'ok' ? relativeError(result.nanoseconds) : NaN));
  return {
    model,
    task: describeCell(then),
    metric: 'tokens/s',
    higherIsBetter: true,
    reference: speed(then),
    value: speed(now),
    stderr: null,
    ...judgeSpeed(Math.log(speed(then) / speed(now)), Math.hypot(...errors), slowdown),
    basis: 'median',
    note: now.status === 'ok' ? null : `${now.status}: ${now.error}`,
  };
}

/** Standard error of a median of times, relative to it. */
function relativeError(nanoseconds: readonly number[]): number {
  const deviation = DEVIATION * medianAbsoluteDeviation(nanoseconds);
  return (MEDIAN_ERROR * deviation) / Math.sqrt(nanoseconds.length) / median(nanoseconds);
}

/** `pp512`, with the rows and the window where they are set. */
function describeCell({ cell }: MeasuredCell): string {
  return [
    cellName(cell),
    ...(cell.batch === 1 ? [] : [`batch ${cell.batch}`]),
    ...(cell.window === null ? [] : [`window ${cell.window}`]),
  ].join(', ');
}

function describeDevice({ engine, cpu }: BenchRecord): string {
  return [engine.backend, engine.dtype, engine.device, engine.blas, cpu].filter((part) => part !== null).join(', ');
}
