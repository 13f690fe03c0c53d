// Everything that will be asked of the model, before there is a model: all requests of all tasks as pieces of token ids.
import { createHash } from 'node:crypto';
import type { LoadedTask } from '../data/load-task.js';
import type { Document, Request, Task } from '../tasks/task.js';
import { UserError } from '../user-error.js';
import { inputAndTargets } from './encode-pair.js';
import type { EncodedPair, InputAndTargets } from './encode-pair.js';
import type { RequestEncoder } from './request-encoder.js';
import type { RollingWindow } from './rolling-windows.js';
import type { Query } from './scorer.js';

/** The encoder for the requests of one task; all of them are known, so that it may have their ids from a cache. */
export type EncoderFor = (requests: readonly Request[]) => Promise<RequestEncoder>;

export interface PieceId {
  readonly task: string;
  /** `Document.index`. */
  readonly document: number;
  readonly request: number;
  /** 0 but for the later windows of a rolling request. */
  readonly window: number;
}

/** One loglikelihood request, or one window of a rolling request: what the journal holds a line of. */
export interface Piece extends PieceId, Query {
  /** Ids fed to the model, at most `maxLength`: the last targets.length positions predict the targets. */
  readonly input: readonly number[];
  /** Why the model cannot be asked, null when it can. */
  readonly unscorable: string | null;
}

export interface PlannedTask {
  readonly task: Task;
  readonly documents: readonly Document[];
  readonly label: 'fixtures' | 'partial' | 'limit' | null;
  readonly digest: string;
  readonly origin: string;
  /** Pieces by position in `documents`, request and window. */
  readonly pieces: readonly (readonly (readonly Piece[])[])[];
  /** Requests whose context was cut on the left to fit the model. */
  readonly truncated: number;
  readonly boundaryMerges: number;
}

/** What a plan depends on beside the documents and the encoder. */
export interface PlanSettings {
  /** First N documents of each task; below 1 the fraction of them, rounded up; null for all. */
  readonly limit: number | null;
  readonly batchSize: string;
  readonly fork: boolean;
  readonly bosPolicy: string;
  /** Longest input of the model in tokens. */
  readonly maxLength: number;
  readonly tokenizerFingerprint: string;
  /** Size of the model's vocabulary: every id must be below it. */
  readonly vocabularySize: number;
}

export interface Plan {
  readonly tasks: readonly PlannedTask[];
  /** SHA-256 over what decides the requests: two plans with one hash ask the same. */
  readonly hash: string;
}

/**
 * Encodes all requests. A request that the model cannot be asked (its continuation is longer than the longest input, or
 * encodes to nothing) becomes an unscorable piece.
 * @throws UserError 'data' when a token id is outside of the model's vocabulary.
 */
export async function buildPlan(
  loaded: readonly LoadedTask[],
  encoderFor: EncoderFor,
  settings: PlanSettings,
): Promise<Plan> {
  const tasks: PlannedTask[] = [];
  for (const task of loaded) tasks.push(await planTask(task, encoderFor, settings));
  return { tasks, hash: planHash(tasks, settings) };
}

async function planTask(loaded: LoadedTask, encoderFor: EncoderFor, settings: PlanSettings): Promise<PlannedTask> {
  const documents = firstDocuments(loaded.documents, settings.limit);
  const encoder = await encoderFor(documents.flatMap(({ requests }) => requests));
  const label = loaded.label ?? (documents.length < loaded.documents.length ? 'limit' : null);
  let truncated = 0;
  let boundaryMerges = 0;
  const pieces = documents.map((document) =>
    document.requests.map((request, index) => {
      const { spans, boundaryMerge } = encode(request, encoder);
      const asked = spans.map((span) => inputAndTargets(span, settings.maxLength));
      if (boundaryMerge) boundaryMerges += 1;
      if (asked.some((span) => span.kind === 'scorable' && span.truncated)) truncated += 1;
      return asked.map((span, window) =>
        pieceOf({ task: loaded.task.name, document: document.index, request: index, window }, span),
      );
    }),
  );
  checkVocabulary(pieces.flat(2), settings.vocabularySize);
  return { ...loaded, documents, label, pieces, truncated, boundaryMerges };
}

function encode(
  request: Request,
  encoder: RequestEncoder,
): { spans: readonly (EncodedPair | RollingWindow)[]; boundaryMerge: boolean } {
  switch (request.kind) {
    case 'loglikelihood': {
      const pair = encoder.pair(request.context, request.continuation);
      return { spans: [pair], boundaryMerge: pair.boundaryMerge };
    }
    case 'rolling':
      return { spans: encoder.windows(request.text), boundaryMerge: false };
    default:
      return request satisfies never;
  }
}

function pieceOf(id: PieceId, span: InputAndTargets): Piece {
  switch (span.kind) {
    case 'scorable':
      return { ...id, input: span.input, targets: span.targets, unscorable: null };
    case 'unscorable':
      return { ...id, input: [], targets: [], unscorable: span.reason };
    default:
      return span satisfies never;
  }
}

function checkVocabulary(pieces: readonly Piece[], vocabularySize: number): void {
  for (const piece of pieces) {
    const outside = [...piece.input, ...piece.targets].find((token) => token >= vocabularySize);
    if (outside === undefined) continue;
    throw new UserError(
      'data',
      `token id ${outside} in ${describePiece(piece)} is outside of the model's vocabulary of ${vocabularySize}`,
      { hint: 'the tokenizer that the model was trained with: --tokenizer PATH' },
    );
  }
}

/** `piqa document 12, request 1`: for errors. */
export function describePiece({ task, document, request, window }: PieceId): string {
  return `${task} document ${document}, request ${request}${window > 0 ? `, window ${window}` : ''}`;
}

function firstDocuments(documents: readonly Document[], limit: number | null): readonly Document[] {
  if (limit === null) return documents;
  return documents.slice(0, limit < 1 ? Math.ceil(documents.length * limit) : limit);
}

function planHash(tasks: readonly PlannedTask[], settings: PlanSettings): string {
  const content = {
    tasks: tasks.map(({ task, digest, documents, label }) => [
      task.name,
      task.version,
      digest,
      documents.length,
      label,
    ]),
    limit: settings.limit,
    batchSize: settings.batchSize,
    fork: settings.fork,
    bosPolicy: settings.bosPolicy,
    maxLength: settings.maxLength,
    tokenizer: settings.tokenizerFingerprint,
  };
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
