// Numbers for pairs of numbers, in the order of their first sight: what tells n-grams apart, an n-gram being the (n-1)-gram
// before its last token and that token. Open addressing over typed arrays: a million tokens in a fraction of a second.

const FREE = -1;

export class PairIds {
  size = 0;
  /** By id. Longer than `size`. */
  first = new Int32Array(1024);
  second = new Int32Array(1024);
  private slots = new Int32Array(4096).fill(FREE);

  /** The pair's id, or -1. */
  find(first: number, second: number): number {
    return this.slots[this.slotOf(first, second)]!;
  }

  /** The pair's id, which is new when it is the old `size`. */
  add(first: number, second: number): number {
    const slot = this.slotOf(first, second);
    const known = this.slots[slot]!;
    if (known !== FREE) return known;
    if (this.size === this.first.length) {
      this.first = doubled(this.first);
      this.second = doubled(this.second);
    }
    const id = this.size++;
    this.first[id] = first;
    this.second[id] = second;
    this.slots[slot] = id;
    if (2 * this.size > this.slots.length) this.spread();
    return id;
  }

  /** Where the pair is, or belongs. */
  private slotOf(first: number, second: number): number {
    const mask = this.slots.length - 1;
    let slot = hash(first, second) & mask;
    for (let id = this.slots[slot]!; id !== FREE; id = this.slots[slot]!) {
      if (this.first[id] === first && this.second[id] === second) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private spread(): void {
    this.slots = new Int32Array(2 * this.slots.length).fill(FREE);
    for (let id = 0; id < this.size; id++) this.slots[this.slotOf(this.first[id]!, this.second[id]!)] = id;
  }
}

function doubled(values: Int32Array): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(2 * values.length);
  longer.set(values);
  return longer;
}

function hash(first: number, second: number): number {
  let h = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
