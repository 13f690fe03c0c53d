// Perplexities of models against a first one's, on the text that all were measured on: a row a length and window, paired on the
// units of the text that standard errors take for drawn by chance.
import type { MetricName } from '../tasks/task.js';
import type { MeasuredPpl, PplRecord } from '../perplexity/ppl-record.js';
import { ratioOf, type RatioPart } from '../metrics/ratio.js';
import { thousands } from '../report/number-text.js';
import { runLabels } from '../report/run-labels.js';
import { UserError } from '../user-error.js';
import { adjusted, percentBetween, type ModelComparisons, type UnadjustedComparison } from './compare.js';

const METRIC: MetricName = 'token_perplexity';

/** @throws UserError 'data' for other texts or tokenizers, and where no cell was measured for both. */
export function comparePpls(records: readonly PplRecord[]): ModelComparisons {
  const [first, ...others] = records as [PplRecord, ...PplRecord[]];
  const labels = runLabels(records);
  const rows = others.flatMap((second, k) => comparePair(first, second, [labels[0]!, labels[k + 1]!]));
  const { unit, unitTokens } = first.text;
  const size = unit === 'piece' ? `pieces of the text of about ${thousands(unitTokens[0]!)} tokens` : 'documents';
  return { rows: adjusted(rows), notes: [`n: ${size}, the same at every length and for all models.`] };
}

function comparePair(
  first: PplRecord,
  second: PplRecord,
  [firstLabel, secondLabel]: readonly [string, string],
): UnadjustedComparison[] {
  checkSameTokens(first, second);
  const theirs = new Map(measuredCells(second).map((result) => [keyOf(result), result]));
  const shared = measuredCells(first).flatMap((result) => {
    const other = theirs.get(keyOf(result));
    return other === undefined ? [] : [[result, other] as const];
  });
  if (shared.length === 0)
    throw new UserError('data', 'the runs have no evaluation length in common', { where: whereOf(first, second) });
  return shared.map(([result, other]) => {
    const [a, b] = [partsOf(first, result), partsOf(second, other)];
    const { length, window } = result.cell;
    return {
      first: firstLabel,
      second: secondLabel,
      task: [`${first.text.name} at ${thousands(length)}`, ...(window === null ? [] : [`window ${window}`])].join(', '),
      metric: METRIC,
      higherIsBetter: false,
      documents: a.length,
      firstValue: Math.exp(ratioOf(a)),
      secondValue: Math.exp(ratioOf(b)),
      ...percentBetween(a, b),
      label: first.text.label,
    };
  });
}

/** @throws UserError 'data' where the two did not predict the same tokens. */
function checkSameTokens(first: PplRecord, second: PplRecord): void {
  const differs = (what: string, a: string, b: string) => {
    if (a !== b)
      throw new UserError('data', `the runs differ in ${what}, ${a} and ${b}: they cannot be compared`, {
        where: whereOf(first, second),
      });
  };
  const text = ({ text: { name, digest } }: PplRecord) => `${name} (${digest.slice(0, 12)})`;
  differs('the text', text(first), text(second));
  const tokenizer = ({ model }: PplRecord) => model.tokenizerFingerprint.slice(0, 12);
  differs('the tokenizer', tokenizer(first), tokenizer(second));
  const tokens = ({ text: { tokens, unitTokens } }: PplRecord) => `${tokens} in ${unitTokens.length} parts`;
  differs('the tokens', tokens(first), tokens(second));
}

function whereOf(first: PplRecord, second: PplRecord): string {
  return `${first.runId}, ${second.runId}`;
}

function measuredCells({ results }: PplRecord): MeasuredPpl[] {
  return results.filter((result): result is MeasuredPpl => result.status === 'ok');
}

function keyOf({ cell: { length, window } }: MeasuredPpl): string {
  return `${length}/${window}`;
}

/** Nats and tokens of each unit. */
function partsOf({ text }: PplRecord, { unitLogprobs }: MeasuredPpl): RatioPart[] {
  return unitLogprobs.map((logprob, unit) => [-logprob, text.unitTokens[unit]!]);
}
