// Every metric by its name: how documents become one number, and how sure that number is.
import type { DocumentValue, MetricName } from '../tasks/task.js';
import { logNormalInterval, normalInterval, wilsonInterval } from './intervals.js';
import type { Interval } from './metric-result.js';
import { corpusLoss, corpusLossStderr, perplexity, perplexityStderr, type WeighedLogprob } from './perplexity.js';
import { mean, meanStderr } from './stderr.js';

interface Estimate {
  readonly value: number;
  readonly stderr: number;
  readonly documents: number;
}

export interface Metric {
  readonly higherIsBetter: boolean;
  /** Whether a bootstrap over documents may stand in for `stderr`: not for plain means, as in lm-eval. */
  readonly bootstrapped: boolean;
  readonly aggregate: (values: readonly DocumentValue[]) => number;
  /** Standard error by formula; NaN for fewer than two documents. */
  readonly stderr: (values: readonly DocumentValue[]) => number;
  readonly interval: (estimate: Estimate, z: number) => Interval;
}

/** Share of documents that are right. */
const accuracy: Metric = {
  higherIsBetter: true,
  bootstrapped: false,
  aggregate: (values) => mean(numbers(values)),
  stderr: (values) => meanStderr(numbers(values)),
  interval: ({ value, documents }, z) => wilsonInterval(value, documents, z),
};

const documentPerplexity: Metric = {
  higherIsBetter: false,
  bootstrapped: true,
  aggregate: (values) => perplexity(numbers(values)),
  stderr: (values) => perplexityStderr(numbers(values)),
  interval: ({ value, stderr }, z) => logNormalInterval(value, stderr, z),
};

/** exp(nats per unit), the unit being the second part of the documents' values. */
const corpusPerplexity: Metric = {
  higherIsBetter: false,
  bootstrapped: true,
  aggregate: (values) => Math.exp(corpusLoss(pairs(values))),
  stderr: (values) => Math.exp(corpusLoss(pairs(values))) * corpusLossStderr(pairs(values)),
  interval: ({ value, stderr }, z) => logNormalInterval(value, stderr, z),
};

const bits: Metric = {
  higherIsBetter: false,
  bootstrapped: true,
  aggregate: (values) => corpusLoss(pairs(values)) / Math.LN2,
  stderr: (values) => corpusLossStderr(pairs(values)) / Math.LN2,
  interval: ({ value, stderr }, z) => normalInterval(value, stderr, z),
};

export const metrics: Readonly<Record<MetricName, Metric>> = {
  acc: accuracy,
  acc_norm: accuracy,
  acc_bytes: accuracy,
  perplexity: documentPerplexity,
  word_perplexity: corpusPerplexity,
  byte_perplexity: corpusPerplexity,
  token_perplexity: corpusPerplexity,
  bits_per_byte: bits,
};

export function isAccuracy(name: MetricName): boolean {
  return metrics[name] === accuracy;
}

function numbers(values: readonly DocumentValue[]): number[] {
  return values.map((value) => {
    if (typeof value !== 'number') throw new TypeError('the metric takes one number a document, not a pair');
    return value;
  });
}

function pairs(values: readonly DocumentValue[]): WeighedLogprob[] {
  return values.map((value) => {
    if (typeof value === 'number') throw new TypeError('the metric takes [log-likelihood, weight] a document');
    return value;
  });
}
