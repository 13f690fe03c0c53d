// requests.jsonl: what the model answered so far, one line a piece, appended and flushed batch by batch. It is a prefix
// of the schedule, line by line, so that reading it says where to go on; which run it belongs to stands in run.json.
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { UserError } from '../user-error.js';
import { describePiece } from './plan.js';
import type { Piece } from './plan.js';
import type { Batch } from './schedule.js';

/** The model's answer to a piece (log p in nats), or why there is none. `ms`: its share of the batch's wall-clock time. */
export type PieceOutcome =
  | { readonly logprob: number; readonly greedy: boolean; readonly ms: number }
  | { readonly failure: string; readonly ms: number };

/** Outcomes of a batch in the order of its pieces. */
export type BatchOutcomes = readonly PieceOutcome[];

export interface JournalContent {
  /** Outcomes of the batches that are complete, from the first on. */
  readonly batches: readonly BatchOutcomes[];
  /** Length of that part of the file: what follows is the torn rest of a batch. */
  readonly bytes: number;
}

export interface Journal {
  /** Appends a batch in one write and waits until the disk has it. */
  append(index: number, batch: Batch, outcomes: BatchOutcomes): void;
  close(): void;
}

export function piecesOf(batch: Batch): Piece[] {
  return batch.groups.flat().flatMap((row) => row.queries);
}

/** The lines of one batch. Numbers in JSON keep all bits of a log-probability. */
export function formatBatch(index: number, batch: Batch, outcomes: BatchOutcomes): string {
  return piecesOf(batch)
    .map(({ task, document, request, window, input, targets }, position) => {
      const id = { batch: index, task, doc: document, request, window, input: input.length, tokens: targets.length };
      return `${JSON.stringify({ ...id, ...outcomes[position]! })}\n`;
    })
    .join('');
}

/**
 * Reads a journal against its schedule. A torn last line and an incomplete last batch are left out.
 * @throws UserError 'data' for a damaged line before the last one, and for a line of another run.
 */
export function parseJournal(content: Buffer, schedule: readonly Batch[], where: string): JournalContent {
  const complete: BatchOutcomes[] = [];
  let bytes = 0;
  let offset = 0;
  let line = 0;
  for (const [index, batch] of schedule.entries()) {
    const outcomes: PieceOutcome[] = [];
    for (const piece of piecesOf(batch)) {
      const end = content.indexOf('\n', offset);
      line += 1;
      const outcome =
        end < 0 ? null : parseLine(content.toString('utf8', offset, end), index, piece, `${where}:${line}`);
      if (outcome === null) {
        if (end >= 0 && end + 1 < content.length)
          throw new UserError('data', `the journal is damaged at line ${line}`, {
            where: `${where}:${line}`,
            hint: 'restore the file, or start a new run: the same command without --resume',
          });
        return { batches: complete, bytes };
      }
      outcomes.push(outcome);
      offset = end + 1;
    }
    complete.push(outcomes);
    bytes = offset;
  }
  if (bytes < content.length)
    throw new UserError('data', `the journal goes on after the last request of the run`, {
      where: `${where}:${line + 1}`,
    });
  return { batches: complete, bytes };
}

/** Null when the line is no outcome; an outcome of another piece is an error. */
function parseLine(text: string, batch: number, piece: Piece, where: string): PieceOutcome | null {
  const entry = parseObject(text);
  if (entry === null) return null;
  const expected = { batch, task: piece.task, doc: piece.document, request: piece.request, window: piece.window };
  const own = Object.entries(expected).every(([key, value]) => entry[key] === value);
  if (!own || entry.tokens !== piece.targets.length)
    throw new UserError('data', `the journal has another run's line where ${describePiece(piece)} belongs`, { where });
  const { logprob, greedy, failure, ms } = entry;
  if (typeof ms !== 'number') return null;
  if (typeof failure === 'string') return { failure, ms };
  return typeof logprob === 'number' && typeof greedy === 'boolean' ? { logprob, greedy, ms } : null;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

/** A journal that is not there yet has nothing in it. */
export function readJournal(file: string, schedule: readonly Batch[]): JournalContent {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { batches: [], bytes: 0 };
    throw new UserError('data', `the journal cannot be read: ${(error as Error).message}`, {
      where: file,
      cause: error,
    });
  }
  return parseJournal(content, schedule, file);
}

/** Opens a journal to append after its first `bytes` bytes; the rest is cut off. */
export function openJournal(file: string, bytes: number): Journal {
  const descriptor = guarded(file, () => openSync(file, 'a'));
  guarded(file, () => ftruncateSync(descriptor, bytes));
  return {
    append(index, batch, outcomes) {
      const content = Buffer.from(formatBatch(index, batch, outcomes));
      guarded(file, () => {
        for (let written = 0; written < content.length;) written += writeSync(descriptor, content, written);
        fsyncSync(descriptor);
      });
    },
    close: () => closeSync(descriptor),
  };
}

function guarded<T>(file: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new UserError('failure', `the journal cannot be written: ${(error as Error).message}`, {
      where: file,
      hint: 'make room or give permission, then --resume: what is in it stays',
      cause: error,
    });
  }
}
