// Device memory: buffers are kept when they are freed and given out again, and their bytes are counted, free ones included.
// It stands in for tfjs-backend-webgpu's own manager, which keeps every buffer for ever.

/** Free bytes that are kept however little is used. */
const KEPT_BYTES = 256 * 2 ** 20;

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
  private readonly free = new Map<string, GPUBuffer[]>();
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
    const buffer =
      (reuse ? this.free.get(keyOf(size, usage))?.pop() : undefined) ?? this.create(size, usage, mappedAtCreation);
    this.used.add(buffer);
    this.usedBytes += buffer.size;
    return buffer;
  }

  releaseBuffer(buffer: GPUBuffer, reuse = true): void {
    if (!this.used.delete(buffer)) return;
    this.usedBytes -= buffer.size;
    if (!reuse) return this.destroy(buffer);
    const key = keyOf(buffer.size, buffer.usage);
    const sameKind = this.free.get(key);
    // The kinds are in order of their last use, so that `trim` finds the oldest first.
    this.free.delete(key);
    this.free.set(key, sameKind ?? []);
    this.free.get(key)!.push(buffer);
  }

  resetPeak(): void {
    this.peakBytes = this.heldBytes;
  }

  /**
   * Gives free buffers back to the device when they are more than what is used, oldest kinds first. Only when nothing that is
   * recorded, and not yet submitted, can mention one of them.
   */
  trim(allowed: number = Math.max(KEPT_BYTES, this.usedBytes)): void {
    for (const [key, buffers] of this.free) {
      while (buffers.length > 0 && this.heldBytes - this.usedBytes > allowed) this.destroy(buffers.pop()!);
      if (buffers.length > 0) return;
      this.free.delete(key);
    }
  }

  dispose(): void {
    this.trim(0);
    for (const buffer of this.used) this.destroy(buffer);
    this.used.clear();
    this.usedBytes = 0;
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
