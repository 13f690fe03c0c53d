// Which evaluations are the best of their columns, from disk: it takes their documents.
import type { Leaders } from '../metrics/best.js';
import { paperLeaders } from './paper-leaders.js';
import { placesByKind } from './read-run.js';
import { readSampledRun } from './read-samples.js';

/** In the order of `readPlaces`; null where fewer than two have the documents to compete with. @throws UserError 'data' as the readers. */
export async function readLeaders(places: readonly string[]): Promise<Leaders[] | null> {
  const { runs } = await placesByKind(places);
  if (runs.length < 2) return null;
  const sampled = await Promise.all(runs.map(readSampledRun));
  return sampled.filter(({ documents }) => documents.size > 0).length < 2 ? null : paperLeaders(sampled);
}
