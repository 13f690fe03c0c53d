// What was asked and what counts as right, as one number: two readers of one benchmark agree on it, whatever the file format.
import { createHash } from 'node:crypto';
import type { Document, Request } from './task.js';

/**
 * SHA-256 (hex) of the rendered requests with their gold answers, in order. It changes when a prompt, a continuation, a gold
 * answer or the order does; it does not depend on the file format, on columns that no request uses, or on choice labels.
 */
export function requestsDigest(documents: Iterable<Document>): string {
  const hash = createHash('sha256');
  for (const document of documents)
    hash.update(`${JSON.stringify([document.requests.map(requestText), answer(document)])}\n`);
  return hash.digest('hex');
}

function requestText(request: Request): string[] {
  switch (request.kind) {
    case 'loglikelihood':
      return [request.context, request.continuation];
    case 'rolling':
      return [request.text];
    default:
      return request satisfies never;
  }
}

/** What the metrics compare with: the right choice, or the lengths a perplexity is taken over. The word of LAMBADA is its request's. */
function answer(document: Document): number | null | [words: number, bytes: number] {
  switch (document.kind) {
    case 'multiple-choice':
      return document.gold;
    case 'loglikelihood':
      return null;
    case 'rolling':
      return [document.words, document.bytes];
    default:
      return document satisfies never;
  }
}
