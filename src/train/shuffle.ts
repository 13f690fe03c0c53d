// The order of an epoch's rows as a function, not a list: a Feistel network keyed by seed and epoch permutes the numbers below a
// power of four, and what falls outside goes round again (cycle walking, Black & Rogaway 2002). So the place in a shuffled epoch
// is one number, and going on from it costs nothing.
import { createHash } from 'node:crypto';

const ROUNDS = 6;

export interface EpochOrder {
  /** The row that comes at `position`; every row below `count` comes at one position below it. */
  rowAt(position: number): number;
  /** A whole number below `below`, the epoch's own: where the rows of this epoch are cut. */
  offset(below: number): number;
}

export function epochOrder(seed: number, epoch: number, count: number): EpochOrder {
  const digest = createHash('sha256').update(`${seed}/${epoch}`).digest();
  const keys = Array.from({ length: ROUNDS }, (_, round) => digest.readInt32LE(4 * round));
  const halfBits = Math.max(1, Math.ceil(Math.log2(count) / 2));
  const half = 2 ** halfBits;
  const permute = (value: number): number => {
    let [left, right] = [Math.floor(value / half), value % half];
    for (const key of keys) [left, right] = [right, (left ^ mix(right ^ key)) & (half - 1)];
    return left * half + right;
  };
  return {
    rowAt(position) {
      let row = permute(position);
      while (row >= count) row = permute(row);
      return row;
    },
    offset: (below) => digest.readUInt32LE(4 * ROUNDS) % below,
  };
}

/** The finaliser of MurmurHash3 (Appleby): every bit of the input changes half of the output's. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
