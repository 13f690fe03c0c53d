// Perplexities of a corpus from the log-likelihoods of its documents, in nats (lm-evaluation-harness 4e7e0d47 `api/metrics.py`),
// with the standard errors that lm-eval bootstraps or leaves out.
import { mean, meanStderr, sum } from './stderr.js';

/** Log-likelihood of a document in nats, and its length in the unit that the corpus is measured in. */
export type WeighedLogprob = readonly [logprob: number, weight: number];

/** exp(-mean log-likelihood), every document counting once: LAMBADA's `perplexity`. */
export function perplexity(logprobs: readonly number[]): number {
  return Math.exp(-mean(logprobs));
}

/** Standard error of `perplexity` by the delta method: perplexity x stderr of the mean log-likelihood. */
export function perplexityStderr(logprobs: readonly number[]): number {
  return perplexity(logprobs) * meanStderr(logprobs);
}

/** Nats per unit of the corpus: -sum of log-likelihoods / sum of weights. */
export function corpusLoss(documents: readonly WeighedLogprob[]): number {
  return -sum(documents.map(([logprob]) => logprob)) / sum(documents.map(([, weight]) => weight));
}

/**
 * Standard error of `corpusLoss` over documents drawn with their lengths, the ratio estimator of Cochran, Sampling Techniques
 * (1977), section 6.4: the deviation of logprob + loss x weight, over sqrt(n) x mean weight.
 */
export function corpusLossStderr(documents: readonly WeighedLogprob[]): number {
  const loss = corpusLoss(documents);
  const residuals = documents.map(([logprob, weight]) => logprob + loss * weight);
  return meanStderr(residuals) / mean(documents.map(([, weight]) => weight));
}
