// The device's own clock: how long it takes for some work by itself, whatever the host needs to record it.
import type { DeviceBackend } from '../backends/device-backend.js';

const BYTES = 16; // two timestamps in nanoseconds

export class DeviceClock {
  private readonly backend: DeviceBackend;
  private readonly stamps: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private readonly read: GPUBuffer;

  /** Whether a device has such a clock. */
  static isIn({ device }: DeviceBackend): boolean {
    return device.features.has('timestamp-query');
  }

  constructor(backend: DeviceBackend) {
    const { device } = backend;
    this.backend = backend;
    this.stamps = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.resolved = device.createBuffer({ size: BYTES, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    this.read = device.createBuffer({ size: BYTES, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  /** Seconds from the beginning of what `body` records to its end. Dawn rounds its timestamps to a tenth of a millisecond. */
  async secondsOf(body: () => void): Promise<number> {
    const { backend, stamps, resolved, read } = this;
    backend.inOneSubmission(() => {
      backend.stamp(stamps, 0);
      body();
      backend.stamp(stamps, 1);
    });
    const encoder = backend.device.createCommandEncoder();
    encoder.resolveQuerySet(stamps, 0, 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, BYTES);
    backend.device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    const [begin, end] = new BigUint64Array(read.getMappedRange());
    const nanoseconds = Number(end! - begin!);
    read.unmap();
    return nanoseconds / 1e9;
  }

  dispose(): void {
    this.stamps.destroy();
    this.resolved.destroy();
    this.read.destroy();
  }
}
