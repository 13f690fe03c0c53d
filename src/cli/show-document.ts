// One document of a benchmark as the model gets it: prompts, continuations, token ids, the split between them, the gold answer.
import type { RequestEncoder } from '../evaluate/request-encoder.js';
import type { Document, Request } from '../tasks/task.js';

/** A request with its token ids; of a rolling text all ids, in its windows. */
export type ShownRequest =
  | {
      readonly kind: 'loglikelihood';
      readonly context: string;
      readonly continuation: string;
      readonly contextTokens: readonly number[];
      readonly continuationTokens: readonly number[];
      /** Whether tokens merge over the split. */
      readonly boundaryMerge: boolean;
    }
  | { readonly kind: 'rolling'; readonly text: string; readonly windows: readonly (readonly number[])[] };

export interface ShownDocument {
  readonly task: string;
  readonly document: number;
  readonly documents: number;
  /** Where the rows came from. */
  readonly origin: string;
  readonly tokenizer: string;
  readonly bos: string;
  readonly requests: readonly ShownRequest[];
  /** Index of the right request of a multiple-choice document, null for other kinds. */
  readonly gold: number | null;
  /** What the metrics divide by. */
  readonly lengths: readonly Lengths[];
}

/** Of a choice without its delimiter, or of a rolling text before it was detokenised. */
interface Lengths {
  readonly characters?: number;
  readonly words?: number;
  readonly bytes: number;
}

export function describeDocument(
  document: Document,
  encoder: RequestEncoder,
  about: Pick<ShownDocument, 'task' | 'documents' | 'origin' | 'tokenizer' | 'bos'>,
): ShownDocument {
  return {
    ...about,
    document: document.index,
    requests: document.requests.map((request) => shownRequest(request, encoder)),
    gold: document.kind === 'multiple-choice' ? document.gold : null,
    lengths: lengthsOf(document),
  };
}

function shownRequest(request: Request, encoder: RequestEncoder): ShownRequest {
  switch (request.kind) {
    case 'loglikelihood': {
      const { context, continuation, boundaryMerge } = encoder.pair(request.context, request.continuation);
      return { ...request, contextTokens: context, continuationTokens: continuation, boundaryMerge };
    }
    case 'rolling':
      return { ...request, windows: encoder.windows(request.text).map(({ continuation }) => continuation) };
    default:
      return request satisfies never;
  }
}

function lengthsOf(document: Document): Lengths[] {
  switch (document.kind) {
    case 'multiple-choice':
      return document.choices.map((choice) => ({ characters: [...choice].length, bytes: Buffer.byteLength(choice) }));
    case 'loglikelihood':
      return [];
    case 'rolling':
      return [{ words: document.words, bytes: document.bytes }];
    default:
      return document satisfies never;
  }
}

/** For people: white space is visible (`·` a space, `↵` a line feed, `→` a tab), and a context is shown once. */
export function formatDocument(shown: ShownDocument): string {
  const { task, document, documents, origin, tokenizer, bos, requests } = shown;
  const lines = [
    `${task}, document ${document} of 0 to ${(documents - 1).toLocaleString('en-US')} (${origin})`,
    `tokenizer ${tokenizer}, bos ${bos}`,
  ];
  let context: string | null = null;
  requests.forEach((request, index) => {
    if (request.kind === 'loglikelihood' && request.context !== context) {
      context = request.context;
      lines.push('', 'context', ...visible(context), ...idLines(request.contextTokens));
    }
    lines.push('', ...requestLines(shown, request, index));
  });
  return `${lines.join('\n')}\n`;
}

function requestLines({ gold, lengths }: ShownDocument, request: ShownRequest, index: number): string[] {
  const length = lengths[index];
  const measure = Object.entries(length ?? {}).map(([unit, count]) => `${count} ${unit}`);
  switch (request.kind) {
    case 'loglikelihood': {
      const { continuation, contextTokens, continuationTokens, boundaryMerge } = request;
      const notes = [
        `after token ${contextTokens.length}`,
        ...measure,
        ...(boundaryMerge ? ['tokens merge over the split'] : []),
      ];
      const title = `continuation ${index}${gold === index ? ' (gold)' : ''}: ${notes.join(', ')}`;
      return [title, ...visible(continuation), ...idLines(continuationTokens)];
    }
    case 'rolling': {
      const title = `text: ${[...measure, `${request.windows.length} ${request.windows.length === 1 ? 'window' : 'windows'}`].join(', ')}`;
      return [title, ...visible(request.text), ...request.windows.flatMap(idLines)];
    }
    default:
      return request satisfies never;
  }
}

function visible(text: string): string[] {
  const marked = text.replaceAll(' ', '·').replaceAll('\t', '→').replaceAll('\n', '↵\n');
  return marked.split('\n').map((line) => `  ${line}`);
}

function idLines(ids: readonly number[]): string[] {
  return [`  ${ids.length} tokens: ${ids.join(' ')}`];
}
