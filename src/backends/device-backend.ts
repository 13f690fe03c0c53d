// TensorFlow.js's WebGPU backend with our memory: the one place that knows its internals (4.22.0). It reuses a buffer as soon as
// the tensor is disposed: dispatches of one queue run in order, so the next owner's kernels come after the last reader's.
import * as tf from '#tfjs';
import { BufferPool } from './buffer-pool.js';
import { lackingForTensorCores } from './tensor-cores.js';

/** Dispatches that are recorded before they are submitted; fewer leave the device idle, more make it wait. */
const DISPATCHES_PER_SUBMISSION = 32;

interface TensorData {
  readonly dtype: tf.DataType;
  resource: GPUBuffer | null;
  values: tf.BackendValues | null;
}

/** The members of WebGPUBackend that are private in its types. */
interface Internals {
  readonly device: GPUDevice;
  bufferManager: BufferPool;
  readonly tensorMap: { get(dataId: tf.DataId): TensorData };
  commandQueueOwnedIds: { add(dataId: tf.DataId): void; delete(dataId: tf.DataId): boolean };
  computePassEncoder: GPUComputePassEncoder | null;
  commandEncoder: GPUCommandEncoder | null;
  dispatchCountInPass: number;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  uploadToGPU(dataId: tf.DataId): void;
  submitQueue(): void;
}

export class DeviceBackend extends tf.WebGPUBackend {
  readonly pool: BufferPool;
  /** Whether f16 matrices can be multiplied by its tensor cores. */
  readonly tensorCores: boolean;

  constructor(device: GPUDevice, adapter: GPUAdapterInfo) {
    super(device, adapter);
    this.pool = new BufferPool(device);
    this.tensorCores = lackingForTensorCores(device.features, adapter) === null;
    this.internals.bufferManager = this.pool;
    tf.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', DISPATCHES_PER_SUBMISSION);
    // Small operands that still lie on the host would be computed there, in loops that take milliseconds where the result is large.
    tf.env().set('WEBGPU_CPU_FORWARD', false);
  }

  override disposeData(dataId: tf.DataId, force?: boolean): boolean {
    this.internals.commandQueueOwnedIds.delete(dataId);
    return super.disposeData(dataId, force);
  }

  override submitQueue(): void {
    super.submitQueue();
    this.pool.submitted();
  }

  /** The buffer that holds a tensor's elements, uploaded first where they are still the host's. */
  bufferOf(tensor: tf.TensorInfo): GPUBuffer {
    this.internals.uploadToGPU(tensor.dataId);
    return this.internals.tensorMap.get(tensor.dataId).resource!;
  }

  /** The same for a tensor that a kernel changes: values that were read of it before are forgotten. */
  changingBufferOf(tensor: tf.TensorInfo): GPUBuffer {
    const buffer = this.bufferOf(tensor);
    this.internals.tensorMap.get(tensor.dataId).values = null;
    return buffer;
  }

  /** Records one dispatch behind those that TensorFlow.js recorded. */
  record(pipeline: GPUComputePipeline, bindGroup: GPUBindGroup, workgroups: readonly [number, number, number]): void {
    const internals = this.internals;
    internals.ensureCommandEncoderReady();
    internals.computePassEncoder ??= internals.commandEncoder!.beginComputePass({});
    const pass = internals.computePassEncoder;
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...workgroups);
    internals.dispatchCountInPass++;
    if (internals.dispatchCountInPass >= DISPATCHES_PER_SUBMISSION) this.flush();
  }

  /** Submits what is recorded. */
  flush(): void {
    if (this.internals.commandEncoder === null) return;
    this.internals.endComputePassEncoder();
    this.internals.submitQueue();
  }

  private get internals(): Internals {
    return this as unknown as Internals;
  }
}
