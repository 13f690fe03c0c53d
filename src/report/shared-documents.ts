// The documents that two runs have in common, which is what they can be compared on.
import { ratioPart, type RatioPart } from '../metrics/ratio.js';
import type { SampledDocument } from './read-samples.js';
import type { DocumentValue, MetricName } from '../tasks/task.js';

export interface SharedDocuments {
  readonly first: readonly SampledDocument[];
  /** The same documents, in the same order. */
  readonly second: readonly SampledDocument[];
}

/** Null where one of the runs has no samples, or where no document is in both. */
export function sharedDocuments(
  first: readonly SampledDocument[] | undefined,
  second: readonly SampledDocument[] | undefined,
): SharedDocuments | null {
  if (first === undefined || second === undefined) return null;
  const byId = new Map(second.map((document) => [document.id, document]));
  const shared = first.filter(({ id }) => byId.has(id));
  return shared.length === 0 ? null : { first: shared, second: shared.map(({ id }) => byId.get(id)!) };
}

export function valuesOf(name: MetricName, documents: readonly SampledDocument[]): DocumentValue[] {
  return documents.map(({ values }) => values[name]!);
}

export function ratioParts(name: MetricName, documents: readonly SampledDocument[]): RatioPart[] {
  return valuesOf(name, documents).map((value) => ratioPart(name, value));
}
