// What a text hashes to: seeds of random streams, and which side of the train/test split it is on.

/** FNV-1a over UTF-16 units, then the finaliser of MurmurHash3: 32 bits, unsigned. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let k = 0; k < text.length; k++) h = Math.imul(h ^ text.charCodeAt(k), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
