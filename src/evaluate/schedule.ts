// In which order and in which batches a plan goes through the model: longest first, as lm-evaluation-harness's `Collator`
// sorts, so that time left is honest, memory runs out early or never, and little is padded. Cut once, then recorded.
import { createHash } from 'node:crypto';
import { UserError } from '../user-error.js';
import type { Piece, Plan } from './plan.js';
import type { ScoreRow } from './scorer.js';

/** How many rows go through the model at once. The engine's token budget bounds all three. */
export type BatchSize =
  /** As many rows as the budget holds. */
  | { readonly kind: 'auto' }
  | { readonly kind: 'rows'; readonly rows: number }
  /** As many rows as this many padded tokens hold. */
  | { readonly kind: 'tokens'; readonly tokens: number };

/** One forward pass and the pieces that share it: they differ in their targets only. */
export interface PlannedRow extends ScoreRow {
  readonly queries: readonly Piece[];
}

export type Batch = readonly PlannedRow[];

export interface Schedule {
  readonly batches: readonly Batch[];
  /** SHA-256 over the batches: the token ids, targets and names of all pieces in their order. */
  readonly digest: string;
}

/** What run.json keeps of a schedule, so that a resumed run is cut as it was, whatever the engine's budget is by then. */
export interface ScheduleRecord {
  /** Rows of each batch. */
  readonly batchRows: readonly number[];
  readonly digest: string;
}

/**
 * Cuts the plan's rows into batches of at most `tokenBudget` padded tokens (rows x longest row), and of what `batchSize`
 * asks. A row that is over the budget by itself goes alone.
 */
export function cutSchedule(plan: Plan, batchSize: BatchSize, tokenBudget: number): Schedule {
  const rows = sortedRows(plan);
  const batchRows: number[] = [];
  for (let start = 0; start < rows.length; start += batchRows.at(-1)!) {
    const most = rowsThatFit(rows[start]!.input.length, batchSize, tokenBudget);
    batchRows.push(Math.min(most, rows.length - start));
  }
  return scheduleOf(rows, batchRows);
}

/**
 * The recorded schedule of the same plan.
 * @throws UserError 'data' when the plan's requests are not those that were recorded.
 */
export function restoreSchedule(plan: Plan, record: ScheduleRecord, where: string): Schedule {
  const schedule = scheduleOf(sortedRows(plan), record.batchRows);
  if (schedule.digest !== record.digest)
    throw new UserError('data', `the requests are not those that this run was started with`, {
      where,
      hint: 'a new run: the same command without --resume',
    });
  return schedule;
}

export function recordSchedule({ batches, digest }: Schedule): ScheduleRecord {
  return { batchRows: batches.map((batch) => batch.length), digest };
}

/** `auto`, `32` or `tokens:16384`, as the command line has it. */
export function formatBatchSize(batchSize: BatchSize): string {
  switch (batchSize.kind) {
    case 'auto':
      return 'auto';
    case 'rows':
      return String(batchSize.rows);
    case 'tokens':
      return `tokens:${batchSize.tokens}`;
    default:
      return batchSize satisfies never;
  }
}

/** Tokens that a batch takes in the engine's memory: each row is as long as the first, which is the longest. */
export function paddedTokens(batch: Batch): number {
  return batch.length * (batch[0]?.input.length ?? 0);
}

function rowsThatFit(length: number, batchSize: BatchSize, tokenBudget: number): number {
  const within = (tokens: number): number => Math.max(1, Math.floor(tokens / length));
  switch (batchSize.kind) {
    case 'auto':
      return within(tokenBudget);
    case 'rows':
      return Math.min(batchSize.rows, within(tokenBudget));
    case 'tokens':
      return within(Math.min(batchSize.tokens, tokenBudget));
    default:
      return batchSize satisfies never;
  }
}

/** Rows by (-length, token ids); pieces with the same input share a row, in the plan's order. */
function sortedRows(plan: Plan): PlannedRow[] {
  const pieces = plan.tasks
    .flatMap((task) => task.pieces.flat(2))
    .filter((piece) => piece.unscorable === null)
    .sort((a, b) => compareInputs(a.input, b.input));
  const rows: { input: readonly number[]; queries: Piece[] }[] = [];
  for (const piece of pieces) {
    const last = rows.at(-1);
    if (last !== undefined && compareInputs(last.input, piece.input) === 0) last.queries.push(piece);
    else rows.push({ input: piece.input, queries: [piece] });
  }
  return rows;
}

function compareInputs(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return b.length - a.length;
  const position = a.findIndex((token, index) => token !== b[index]);
  return position < 0 ? 0 : a[position]! - b[position]!;
}

function scheduleOf(rows: readonly PlannedRow[], batchRows: readonly number[]): Schedule {
  const batches: Batch[] = [];
  let start = 0;
  for (const count of batchRows) batches.push(rows.slice(start, (start += count)));
  if (start < rows.length) batches.push(rows.slice(start));
  return { batches, digest: digestOf(batches) };
}

function digestOf(batches: readonly Batch[]): string {
  const hash = createHash('sha256');
  for (const batch of batches) {
    hash.update(`batch ${batch.length}\n`);
    for (const { input, queries } of batch) {
      hash.update(Int32Array.from(input));
      for (const { task, document, request, window, targets } of queries)
        hash.update(`${task} ${document} ${request} ${window} ${targets.join(' ')}\n`);
    }
  }
  return hash.digest('hex');
}
