// Where the figures and the page of finished runs go when nobody says: beside the one run, else into results.
import path from 'node:path';

export function besideRun(places: readonly string[]): string {
  const [place, ...others] = places;
  if (place === undefined || others.length > 0) return 'results';
  return place.endsWith('.json') ? path.dirname(place) : place;
}
