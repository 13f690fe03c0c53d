// What a model that knows nothing scores: the accuracies to read every other accuracy against.
import type { Document } from './task.js';

/** Expected accuracy of a guess: the mean over documents of 1 / number of choices; null where there are no choices. */
export function chance(documents: readonly Document[]): number | null {
  if (documents.length === 0) return null;
  let sum = 0;
  for (const document of documents) {
    if (document.kind !== 'multiple-choice') return null;
    sum += 1 / document.choices.length;
  }
  return sum / documents.length;
}

/** Accuracy of always giving the most frequent gold index; null where there are no choices. */
export function majority(documents: readonly Document[]): number | null {
  if (documents.length === 0) return null;
  const counts: number[] = [];
  for (const document of documents) {
    if (document.kind !== 'multiple-choice') return null;
    counts[document.gold] = (counts[document.gold] ?? 0) + 1;
  }
  return Math.max(...counts.filter(Boolean)) / documents.length;
}
