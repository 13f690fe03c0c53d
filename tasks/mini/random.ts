// Seeded choices for the small world. sfc32 (Doty-Humphrey, PractRand): integer arithmetic, so that every machine draws alike.
import { hash } from './hash.js';

export class Random {
  private readonly state: Int32Array;

  /** Two streams with different names are independent, whatever their seeds. */
  constructor(seed: number, stream: string) {
    const name = `${seed} ${stream}`;
    this.state = Int32Array.of(hash(`a ${name}`), hash(`b ${name}`), hash(`c ${name}`), 1);
    for (let k = 0; k < 12; k++) this.bits();
  }

  /** In [0, 1). */
  next(): number {
    return this.bits() / 2 ** 32;
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** A whole number in [from, to], small ones as often as large ones: its logarithm is uniform. */
  logBetween(from: number, to: number): number {
    return Math.min(to, Math.floor(from * ((to + 1) / from) ** this.next()));
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** `count` different members, in random order. */
  sample<T>(list: readonly T[], count: number): T[] {
    if (count > list.length) throw new Error(`${count} of ${list.length} cannot be drawn`);
    const rest = [...list];
    for (let k = 0; k < count; k++) {
      const other = this.between(k, rest.length - 1);
      [rest[k], rest[other]] = [rest[other]!, rest[k]!];
    }
    return rest.slice(0, count);
  }

  shuffle<T>(list: readonly T[]): T[] {
    return this.sample(list, list.length);
  }

  /** One of the entries, each as often as its weight says. */
  weighted<T>(entries: readonly (readonly [T, number])[]): T {
    let rest = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    return (entries.find(([, weight]) => (rest -= weight) < 0) ?? entries.at(-1)!)[0];
  }

  private bits(): number {
    const s = this.state;
    const [a, b, c, counter] = [s[0]!, s[1]!, s[2]!, s[3]!];
    const result = (a + b + counter) | 0;
    s[3] = counter + 1;
    s[0] = b ^ (b >>> 9);
    s[1] = c + (c << 3);
    s[2] = ((c << 21) | (c >>> 11)) + result;
    return result >>> 0;
  }
}
