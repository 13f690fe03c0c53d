// Which evaluations are the best of their columns, from disk: it takes their documents.
import type { Leaders } from '../metrics/best.js';
import { paperLeaders } from './paper-leaders.js';
import { placesByKind } from './read-run.js';
import { readSampledRun } from './read-samples.js';

/** In the order of `readPlaces`; null where fewer than two could compete. @throws UserError 'data' as the readers. */
export async function readLeaders(places: readonly string[]): Promise<Leaders[] | null> {
  const { runs } = await placesByKind(places);
  return runs.length < 2 ? null : paperLeaders(await Promise.all(runs.map(readSampledRun)));
}
