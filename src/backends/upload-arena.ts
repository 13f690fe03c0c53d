// Small values on their way from the host to the device: scalars, ids of a batch, constants of a kernel. TensorFlow.js makes a mapped
// buffer for each and destroys it behind the next submission, which takes a driver milliseconds where it maps new memory for it.
// Here they go through one buffer, each to a place of its own until what reads it is submitted: the queue writes in order.

const BYTES = 2 ** 20;
/** Places are on such boundaries. */
const ALIGNMENT = 16;

export class UploadArena {
  readonly buffer: GPUBuffer;
  private readonly device: GPUDevice;
  private next = 0;

  constructor(device: GPUDevice) {
    this.device = device;
    this.buffer = device.createBuffer({ size: BYTES, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  }

  /** Writes values to a place, which is theirs until `submitted`. @returns the place in bytes, null where there is no room. */
  put(values: Float32Array | Int32Array): number | null {
    const place = this.next;
    if (place + values.byteLength > BYTES) return null;
    this.device.queue.writeBuffer(this.buffer, place, values as GPUAllowSharedBufferSource);
    this.next += Math.ceil(values.byteLength / ALIGNMENT) * ALIGNMENT;
    return place;
  }

  /** The copies that were recorded come before all that is written from now on. */
  submitted(): void {
    this.next = 0;
  }
}
