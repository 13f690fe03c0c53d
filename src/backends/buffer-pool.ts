// Device memory: buffers are kept when they are freed and given out again, and their bytes are counted, free ones included.
// It stands in for tfjs-backend-webgpu's own manager, which keeps every buffer for ever.

/** Submissions for which a free buffer is kept: a few passes of a model, after which the same sizes come again. */
const KEPT_SUBMISSIONS = 256;
/** Submissions between two looks for what is older. */
const SWEPT_SUBMISSIONS = 16;

/** Buffers of one size and usage. */
interface Kind {
  readonly key: number;
  /** The free ones, the first made last: which of them is taken depends on which are free, not on when they became it. */
  readonly free: Owned[];
  used: number;
  lastUse: number;
}

interface Owned {
  readonly buffer: GPUBuffer;
  readonly number: number;
  readonly size: number;
  readonly kind: Kind;
  /** Tensors, at most one, and who else counts on its content; nobody where it is free. */
  users: number;
}

export interface DeviceMemory {
  /** Bytes of buffers in use, and of all that the device holds, free ones in the pool included. */
  readonly usedBytes: number;
  readonly heldBytes: number;
  /** The most that was held since `resetPeak`. */
  readonly peakBytes: number;
}

export class BufferPool implements DeviceMemory {
  usedBytes = 0;
  heldBytes = 0;
  peakBytes = 0;
  private readonly kinds = new Map<number, Kind>();
  private readonly owned = new Map<GPUBuffer, Owned>();
  private submissions = 0;
  private made = 0;
  private readonly device: GPUDevice;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** What TensorFlow.js reports as its memory. */
  get numBytesUsed(): number {
    return this.usedBytes;
  }

  get numBytesAllocated(): number {
    return this.heldBytes;
  }

  acquireBuffer(size: number, usage: number): GPUBuffer {
    const kind = this.kindOf(size, usage);
    const owned = kind.free.pop() ?? this.create(kind, size, usage);
    this.use(owned);
    return owned.buffer;
  }

  /** Keeps a buffer, a free one too, from being given out until it is released once more; whether it is one of the pool's. */
  hold(buffer: GPUBuffer): boolean {
    const owned = this.owned.get(buffer);
    if (owned === undefined) return false;
    const { free } = owned.kind;
    if (owned.users === 0) free.splice(free.indexOf(owned), 1);
    this.use(owned);
    return true;
  }

  releaseBuffer(buffer: GPUBuffer): void {
    const owned = this.owned.get(buffer);
    if (owned === undefined || owned.users === 0 || --owned.users > 0) return;
    this.usedBytes -= owned.size;
    const { kind } = owned;
    kind.used--;
    kind.lastUse = this.submissions;
    const { free } = kind;
    let place = free.length;
    while (place > 0 && free[place - 1]!.number < owned.number) place--;
    free.splice(place, 0, owned);
  }

  resetPeak(): void {
    this.peakBytes = this.heldBytes;
  }

  /**
   * Counts a submission, and gives back the buffers that none of the last ones asked for. To be called right after it: what is
   * recorded, and not yet submitted, may mention a free buffer.
   */
  submitted(): void {
    this.submissions++;
    if (this.submissions % SWEPT_SUBMISSIONS !== 0) return;
    for (const kind of this.kinds.values()) if (kind.lastUse <= this.submissions - KEPT_SUBMISSIONS) this.drop(kind);
  }

  /** Gives back every free buffer, under the same condition. */
  trim(): void {
    for (const kind of this.kinds.values()) this.drop(kind);
  }

  dispose(): void {
    this.trim();
    for (const owned of this.owned.values()) this.destroy(owned);
    this.usedBytes = 0;
  }

  /** The kind, which is used now. */
  private kindOf(size: number, usage: number): Kind {
    const key = 4096 * size + usage;
    let kind = this.kinds.get(key);
    if (kind === undefined) {
      kind = { key, free: [], used: 0, lastUse: 0 };
      this.kinds.set(key, kind);
    }
    kind.lastUse = this.submissions;
    return kind;
  }

  private use(owned: Owned): void {
    if (owned.users++ > 0) return;
    owned.kind.used++;
    this.usedBytes += owned.size;
  }

  private drop(kind: Kind): void {
    for (const owned of kind.free) this.destroy(owned);
    kind.free.length = 0;
    if (kind.used === 0) this.kinds.delete(kind.key);
  }

  private create(kind: Kind, size: number, usage: number): Owned {
    const buffer = this.device.createBuffer({ size, usage });
    const owned = { buffer, number: this.made++, size, kind, users: 0 };
    this.owned.set(buffer, owned);
    this.heldBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.heldBytes);
    return owned;
  }

  private destroy(owned: Owned): void {
    this.owned.delete(owned.buffer);
    this.heldBytes -= owned.size;
    owned.buffer.destroy();
  }
}
