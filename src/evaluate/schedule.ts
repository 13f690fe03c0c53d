// In which order and in which batches a plan goes through the model: longest first, as lm-evaluation-harness's `Collator`
// sorts, so that time left is honest, memory runs out early or never, and little is padded. Cut once, then recorded.
import { createHash } from 'node:crypto';
import { UserError } from '../user-error.js';
import type { Piece, Plan } from './plan.js';
import { groupsByDocument, groupsOfOne } from './row-groups.js';
import type { PlannedRow, RowGroup } from './row-groups.js';
import type { ScoreBatch } from './scorer.js';

/** How many rows go through the model at once. The engine's token budget bounds all three. */
export type BatchSize =
  /** As many rows as the budget holds. */
  | { readonly kind: 'auto' }
  | { readonly kind: 'rows'; readonly rows: number }
  /** As many rows as this many padded tokens hold. */
  | { readonly kind: 'tokens'; readonly tokens: number };

export type Batch = ScoreBatch<PlannedRow>;

export interface ScheduleSettings {
  readonly batchSize: BatchSize;
  /** Whether the rows of a document share the computation of their common beginning. */
  readonly fork: boolean;
}

export interface Schedule {
  readonly batches: readonly Batch[];
  /** SHA-256 over the batches: what is shared, and the token ids, targets and names of all pieces in their order. */
  readonly digest: string;
}

/** What run.json keeps of a schedule, so that a resumed run is cut as it was, whatever the engine's budget is by then. */
export interface ScheduleRecord {
  /** Groups of each batch. */
  readonly batchGroups: readonly number[];
  /** Tokens that forking does not feed again. */
  readonly savedTokens: number;
  readonly digest: string;
}

/**
 * Cuts the plan's rows into batches of at most `tokenBudget` padded tokens, and of what `batchSize` asks. Rows that share
 * their beginning are not torn apart: a group that is too large by itself goes alone.
 */
export function cutSchedule(plan: Plan, { batchSize, fork }: ScheduleSettings, tokenBudget: number): Schedule {
  const groups = sortedGroups(plan, fork);
  const batchGroups: number[] = [];
  for (let start = 0; start < groups.length; start += batchGroups.at(-1)!)
    batchGroups.push(groupsThatFit(groups, start, batchSize, tokenBudget));
  return scheduleOf(groups, batchGroups);
}

/**
 * The recorded schedule of the same plan.
 * @throws UserError 'data' when the plan's requests are not those that were recorded.
 */
export function restoreSchedule(
  plan: Plan,
  { fork }: Pick<ScheduleSettings, 'fork'>,
  record: ScheduleRecord,
  where: string,
): Schedule {
  const schedule = scheduleOf(sortedGroups(plan, fork), record.batchGroups);
  if (schedule.digest !== record.digest)
    throw new UserError('data', `the requests are not those that this run was started with`, {
      where,
      hint: 'a new run: the same command without --resume',
    });
  return schedule;
}

export function recordSchedule({ batches, digest }: Schedule): ScheduleRecord {
  return {
    batchGroups: batches.map(({ groups }) => groups.length),
    savedTokens: batches.reduce((sum, batch) => sum + savedTokens(batch), 0),
    digest,
  };
}

/** Tokens that a batch feeds to the model: what the rows of a group share once, and the rest of each row. */
export function fedTokens(batch: Batch): number {
  return batch.groups.flat().reduce((sum, row) => sum + row.input.length, 0) - savedTokens(batch);
}

/** Tokens that plain scoring would have fed beside those. */
export function savedTokens({ shared, groups }: Batch): number {
  return groups.reduce((sum, rows) => sum + shared * (rows.length - 1), 0);
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

/** Tokens that a batch takes in the engine's memory: each row is padded to the first, which is the longest. */
export function paddedTokens({ shared, groups }: Batch): number {
  const rows = groups.reduce((sum, own) => sum + own.length, 0);
  return paddedSize(groups.length, rows, groups[0]![0]!.input.length, shared);
}

function paddedSize(groups: number, rows: number, longest: number, shared: number): number {
  return groups * shared + rows * (longest - shared);
}

/** How many groups from `start` on make a batch: those that share as many tokens as the first, within the limits. */
function groupsThatFit(groups: readonly RowGroup[], start: number, batchSize: BatchSize, tokenBudget: number): number {
  const most = limitsOf(batchSize, tokenBudget);
  const { shared, rows: first } = groups[start]!;
  let count = 1;
  let rows = first.length;
  for (let next = groups[start + count]; next !== undefined; next = groups[start + count]) {
    rows += next.rows.length;
    const tokens = paddedSize(count + 1, rows, first[0]!.input.length, shared);
    if (next.shared !== shared || rows > most.rows || tokens > most.tokens) break;
    count += 1;
  }
  return count;
}

function limitsOf(batchSize: BatchSize, tokenBudget: number): { rows: number; tokens: number } {
  switch (batchSize.kind) {
    case 'auto':
      return { rows: Infinity, tokens: tokenBudget };
    case 'rows':
      return { rows: batchSize.rows, tokens: tokenBudget };
    case 'tokens':
      return { rows: Infinity, tokens: Math.min(batchSize.tokens, tokenBudget) };
    default:
      return batchSize satisfies never;
  }
}

/**
 * Groups that share equally many tokens next to each other, as a batch needs them: those with the longest row first, and
 * so within them.
 */
function sortedGroups(plan: Plan, fork: boolean): RowGroup[] {
  const rows = sortedRows(plan);
  const groups = fork ? groupsByDocument(rows) : groupsOfOne(rows);
  groups.sort((a, b) => compareInputs(a.rows[0]!.input, b.rows[0]!.input));
  const byShared = new Map<number, RowGroup[]>(); // in the order of their longest rows
  for (const group of groups) {
    const equal = byShared.get(group.shared);
    if (equal === undefined) byShared.set(group.shared, [group]);
    else equal.push(group);
  }
  return [...byShared.values()].flat();
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

function scheduleOf(groups: readonly RowGroup[], batchGroups: readonly number[]): Schedule {
  const batches: Batch[] = [];
  let start = 0;
  for (const count of batchGroups) batches.push(batchOf(groups.slice(start, (start += count))));
  if (start < groups.length) batches.push(batchOf(groups.slice(start)));
  return { batches, digest: digestOf(batches) };
}

function batchOf(groups: readonly RowGroup[]): Batch {
  return { shared: groups[0]?.shared ?? 0, groups: groups.map(({ rows }) => rows) };
}

function digestOf(batches: readonly Batch[]): string {
  const hash = createHash('sha256');
  for (const batch of batches) {
    hash.update(`batch ${batch.groups.length} ${batch.shared}\n`);
    for (const rows of batch.groups) {
      hash.update(`group ${rows.length}\n`);
      for (const { input, queries } of rows) {
        hash.update(Int32Array.from(input));
        for (const { task, document, request, window, targets } of queries)
          hash.update(`${task} ${document} ${request} ${window} ${targets.join(' ')}\n`);
      }
    }
  }
  return hash.digest('hex');
}
