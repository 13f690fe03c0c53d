// Python's random numbers, for tests that replay what lm-evaluation-harness drew: MT19937 (Matsumoto and Nishimura 1998),
// seeded by `init_by_array([seed])`, 53 bits a number.

/** `random.Random(seed).random`, for a seed below 2^32. */
export function pythonRandom(seed: number): () => number {
  const state = new Uint32Array(624);
  const scrambled = (i: number) => state[i]! ^ (state[i]! >>> 30);
  state[0] = 19650218;
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, scrambled(i - 1)) + i;
  let position = 1;
  const mixIn = (factor: number, addend: (i: number) => number) => {
    state[position] = (state[position]! ^ Math.imul(scrambled(position - 1), factor)) + addend(position);
    if (++position < 624) return;
    state[0] = state[623]!;
    position = 1;
  };
  for (let k = 0; k < 624; k++) mixIn(1664525, () => seed);
  for (let k = 0; k < 623; k++) mixIn(1566083941, (i) => -i);
  state[0] = 0x80000000;

  position = 624;
  const word = () => {
    if (position === 624) {
      for (let i = 0; i < 624; i++) {
        const joined = (state[i]! & 0x80000000) | (state[(i + 1) % 624]! & 0x7fffffff);
        state[i] = state[(i + 397) % 624]! ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
      }
      position = 0;
    }
    let y = state[position++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return () => {
    const high = word() >>> 5;
    return (high * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
  };
}
