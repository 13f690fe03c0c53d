// Python's random generator, so that lm-eval's bootstrap is reproduced to the last digit: MT19937 of Matsumoto and Nishimura
// (1998), with the `init_by_array` seeding of 2002 and the 53-bit doubles that CPython makes of it.

const N = 624;
const M = 397;

export class Mt19937 {
  private readonly state = new Uint32Array(N);
  private position = N;

  /** Python's `random.Random(seed)`, for a non-negative integer below 2^53. */
  constructor(seed: number) {
    const high = Math.floor(seed / 2 ** 32);
    this.initialiseByArray(high === 0 ? [seed] : [seed % 2 ** 32, high]);
  }

  /** A double in [0, 1) with 53 random bits: Python's `random()`. */
  random(): number {
    const high = this.nextWord() >>> 5;
    const low = this.nextWord() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** An index below `count`: one of the draws of Python's `choices` from a population of `count`. */
  choice(count: number): number {
    return Math.floor(this.random() * count);
  }

  /** An index below `count`, of 32 random bits: twice as fast as Python's, and for counts up to a million as even. */
  index(count: number): number {
    return Math.floor((this.nextWord() * count) / 2 ** 32);
  }

  private nextWord(): number {
    if (this.position === N) this.twist();
    let y = this.state[this.position++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const { state } = this;
    for (let k = 0; k < N; k += 1) {
      const y = (state[k]! & 0x80000000) | (state[(k + 1) % N]! & 0x7fffffff);
      state[k] = state[(k + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.position = 0;
  }

  private initialise(seed: number): void {
    const { state } = this;
    state[0] = seed;
    for (let k = 1; k < N; k += 1) state[k] = Math.imul(1812433253, mix(state[k - 1]!)) + k;
  }

  private initialiseByArray(key: readonly number[]): void {
    const { state } = this;
    this.initialise(19650218);
    let i = 1;
    const advance = () => {
      i += 1;
      if (i < N) return;
      state[0] = state[N - 1]!;
      i = 1;
    };
    // The key has at most two words, so N steps go through both the state and the key.
    for (let step = 0; step < N; step += 1) {
      const j = step % key.length;
      state[i] = (state[i]! ^ Math.imul(mix(state[i - 1]!), 1664525)) + key[j]! + j;
      advance();
    }
    for (let step = 0; step < N - 1; step += 1) {
      state[i] = (state[i]! ^ Math.imul(mix(state[i - 1]!), 1566083941)) - i;
      advance();
    }
    state[0] = 0x80000000;
  }
}

function mix(word: number): number {
  return word ^ (word >>> 30);
}
