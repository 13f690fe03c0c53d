// McNemar's test (1947) in its exact form: of the documents that only one of two models gets right, each is a fair coin if the
// models are equally good.
import type { DocumentValue } from '../tasks/task.js';

/**
 * Two-sided p of a split at least as uneven as the observed one, by the binomial distribution of onlyFirst + onlySecond coins:
 * min(1, 2 P(X <= min)). 1 where the models are never apart.
 */
export function exactMcNemar(onlyFirst: number, onlySecond: number): number {
  const coins = onlyFirst + onlySecond;
  let term = -coins * Math.LN2; // log P(X = 0)
  let tail = Math.exp(term);
  for (let k = 1; k <= Math.min(onlyFirst, onlySecond); k += 1) {
    term += Math.log((coins - k + 1) / k);
    tail += Math.exp(term);
  }
  return Math.min(1, 2 * tail);
}

/**
 * The p of two models on the same documents, 1 = right and 0 = wrong.
 * @param first, second in the same order.
 */
export function mcNemarOfDocuments(first: readonly DocumentValue[], second: readonly DocumentValue[]): number {
  const onlyRight = (right: readonly DocumentValue[], wrong: readonly DocumentValue[]) =>
    right.filter((value, k) => value === 1 && wrong[k] === 0).length;
  return exactMcNemar(onlyRight(first, second), onlyRight(second, first));
}
