// Device memory: buffers are kept when they are freed and given out again, and their bytes are counted, free ones included.
// It stands in for tfjs-backend-webgpu's own manager, which keeps every buffer for ever.

/** Submissions for which a free buffer is kept: a few passes of a model, after which the same sizes come again. */
const KEPT_SUBMISSIONS = 256;

/** Free buffers of one size and usage. */
interface Kind {
  readonly buffers: GPUBuffer[];
  lastUse: number;
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
  /** In the order of their last use. */
  private readonly free = new Map<string, Kind>();
  private submissions = 0;
  private readonly used = new Set<GPUBuffer>();
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

  acquireBuffer(size: number, usage: number, mappedAtCreation = false, reuse = true): GPUBuffer {
    const buffer = (reuse ? this.reused(size, usage) : undefined) ?? this.create(size, usage, mappedAtCreation);
    this.used.add(buffer);
    this.usedBytes += buffer.size;
    return buffer;
  }

  releaseBuffer(buffer: GPUBuffer, reuse = true): void {
    if (!this.used.delete(buffer)) return;
    this.usedBytes -= buffer.size;
    if (reuse) this.touch(buffer.size, buffer.usage).buffers.push(buffer);
    else this.destroy(buffer);
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
    for (const [key, kind] of this.free) {
      if (kind.lastUse > this.submissions - KEPT_SUBMISSIONS) return;
      this.drop(key, kind);
    }
  }

  /** Gives back every free buffer, under the same condition. */
  trim(): void {
    for (const [key, kind] of this.free) this.drop(key, kind);
  }

  dispose(): void {
    this.trim();
    for (const buffer of this.used) this.destroy(buffer);
    this.used.clear();
    this.usedBytes = 0;
  }

  private reused(size: number, usage: number): GPUBuffer | undefined {
    return this.free.has(keyOf(size, usage)) ? this.touch(size, usage).buffers.pop() : undefined;
  }

  /** The kind, which becomes the last used. */
  private touch(size: number, usage: number): Kind {
    const key = keyOf(size, usage);
    const kind = this.free.get(key) ?? { buffers: [], lastUse: 0 };
    kind.lastUse = this.submissions;
    this.free.delete(key);
    this.free.set(key, kind);
    return kind;
  }

  private drop(key: string, kind: Kind): void {
    kind.buffers.forEach((buffer) => this.destroy(buffer));
    this.free.delete(key);
  }

  private create(size: number, usage: number, mappedAtCreation: boolean): GPUBuffer {
    const buffer = this.device.createBuffer({ size, usage, mappedAtCreation });
    this.heldBytes += buffer.size;
    this.peakBytes = Math.max(this.peakBytes, this.heldBytes);
    return buffer;
  }

  private destroy(buffer: GPUBuffer): void {
    this.heldBytes -= buffer.size;
    buffer.destroy();
  }
}

function keyOf(size: number, usage: number): string {
  return `${size}/${usage}`;
}
