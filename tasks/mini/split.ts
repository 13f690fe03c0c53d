// Which side of train and test a table of facts is on: a hash of the table decides, so that no seed and no amount of training
// text can bring a table of one side to the other.
import type { TextSplit } from '../../src/tasks/text-generator.js';
import { hash } from './hash.js';

/** One table in so many is for tests. */
const TEST_SHARE = 4;

/** @param table All facts that a text states of its own, or the one question it asks, in a canonical order. */
export function splitOf(table: string): TextSplit {
  return hash(`split ${table}`) % TEST_SHARE === 0 ? 'validation' : 'train';
}

/** Draws until the table is on the wanted side. `draw` must be able to reach that side. */
export function drawFor<T>(split: TextSplit, draw: () => T, tableOf: (drawn: T) => string): T {
  for (let tries = 0; tries < 10_000; tries++) {
    const drawn = draw();
    if (splitOf(tableOf(drawn)) === split) return drawn;
  }
  throw new Error(`no table of the ${split} side can be drawn`);
}

/** Facts in no order, as one table. */
export function tableOf(facts: Iterable<string>): string {
  return [...facts].sort().join('; ');
}
