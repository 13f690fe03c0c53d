// What a model's answers to one document are worth: the per-document values that lm-evaluation-harness 4e7e0d47 aggregates.
import type { Document, DocumentValue, MetricName, RequestScore } from '../tasks/task.js';
import { argmax, argmaxPerByte, argmaxPerCharacter } from './accuracy.js';

export type DocumentValues = Partial<Record<MetricName, DocumentValue>>;

/**
 * Value of every metric that the document's kind has; 1 = right, log-likelihoods in nats.
 * @param scores one for each of the document's requests, in their order.
 */
export function documentValues(document: Document, scores: readonly RequestScore[]): DocumentValues {
  if (scores.length !== document.requests.length)
    throw new RangeError(
      `document ${document.index}: ${scores.length} scores for ${document.requests.length} requests`,
    );
  switch (document.kind) {
    case 'multiple-choice': {
      const logprobs = scores.map(({ logprob }) => logprob);
      const right = (choice: number) => (choice === document.gold ? 1 : 0);
      return {
        acc: right(argmax(logprobs)),
        acc_norm: right(argmaxPerCharacter(logprobs, document.choices)),
        acc_bytes: right(argmaxPerByte(logprobs, document.choices)),
      };
    }
    case 'loglikelihood': {
      const { logprob, greedy } = scores[0]!;
      return { perplexity: logprob, acc: greedy ? 1 : 0 };
    }
    case 'rolling': {
      const { logprob, tokens } = scores[0]!;
      return {
        word_perplexity: [logprob, document.words],
        byte_perplexity: [logprob, document.bytes],
        bits_per_byte: [logprob, document.bytes],
        token_perplexity: [logprob, tokens],
      };
    }
    default:
      return document satisfies never;
  }
}
