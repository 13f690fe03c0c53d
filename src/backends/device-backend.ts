// TensorFlow.js's WebGPU backend with our memory: the one place that knows its internals (4.22.0). It reuses a buffer as soon as
// the tensor is disposed: dispatches of one queue run in order, so the next owner's kernels come after the last reader's.
import * as tf from '#tfjs';
import { BindGroups } from './bind-groups.js';
import { BufferPool } from './buffer-pool.js';
import { Recording, type DeviceDispatch } from './recording.js';
import { lackingForTensorCores } from './tensor-cores.js';
import { f32, UniformBuffers, type Word } from './uniform-buffers.js';
import { Unpacking } from './unpacking.js';
import { UploadArena } from './upload-arena.js';

/** Dispatches that are recorded before they are submitted; fewer leave the device idle, more make it wait. */
const DISPATCHES_PER_SUBMISSION = 32;

interface TensorData {
  readonly dtype: tf.DataType;
  readonly shape: readonly number[];
  resource?: GPUBuffer | null;
  values?: tf.BackendValues | null;
  /** Its elements as f16, where a kernel left them so: `resource` is made of them when f32 is asked for. */
  packed?: tf.Tensor;
}

/** The members of WebGPUBackend that are private in its types. */
interface Internals {
  readonly device: GPUDevice;
  bufferManager: BufferPool;
  readonly tensorMap: { get(dataId: tf.DataId): TensorData; has(dataId: tf.DataId): boolean };
  computePassEncoder: GPUComputePassEncoder | null;
  commandEncoder: GPUCommandEncoder | null;
  dispatchCountInPass: number;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  uploadToGPU(dataId: tf.DataId): void;
  submitQueue(): void;
  recordAndSubmit(
    program: TfjsProgram,
    output: tf.TensorInfo,
    inputs: readonly tf.TensorInfo[],
    uniforms?: readonly UniformField[],
  ): void;
}

/** A kernel of TensorFlow.js's, compiled. */
interface TfjsProgram {
  readonly pipeline: GPUComputePipeline;
  readonly dispatch: [x: number, y: number, z: number];
  readonly outputShape: readonly number[];
  /** Whether its uniforms have the number of elements, in vectors of `outputComponent` where there is one. */
  readonly size?: boolean;
  readonly outputComponent?: number;
  readonly pixelsOpType?: unknown;
}

/** A dispatch whose bind group is at hand. */
export interface PreparedDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

interface UniformField {
  readonly type: string;
  readonly data: readonly number[];
}

export class DeviceBackend extends tf.WebGPUBackend {
  readonly pool: BufferPool;
  readonly uniforms: UniformBuffers;
  /** Whether f16 matrices can be multiplied by its tensor cores. */
  readonly tensorCores: boolean;
  readonly bindGroups: BindGroups;
  private readonly arena: UploadArena;
  private readonly unpacking: Unpacking;
  private recording: Recording | null = null;
  /** Dispatches after which what is recorded is submitted. */
  private submittedAfter = DISPATCHES_PER_SUBMISSION;

  constructor(device: GPUDevice, adapter: GPUAdapterInfo) {
    super(device, adapter);
    this.pool = new BufferPool(device);
    this.uniforms = new UniformBuffers(device);
    this.bindGroups = new BindGroups(device);
    this.arena = new UploadArena(device);
    this.unpacking = new Unpacking(device);
    this.tensorCores = lackingForTensorCores(device.features, adapter) === null;
    this.internals.bufferManager = this.pool;
    this.internals.uploadToGPU = (dataId) => this.upload(this.internals.tensorMap.get(dataId));
    this.adoptRecording();
    tf.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', DISPATCHES_PER_SUBMISSION);
    // Small operands that still lie on the host would be computed there, in loops that take milliseconds where the result is large.
    tf.env().set('WEBGPU_CPU_FORWARD', false);
  }

  override submitQueue(): void {
    super.submitQueue();
    this.arena.submitted();
    // What is recorded mentions buffers that are free by now.
    if (this.recording === null) this.pool.submitted();
  }

  /** The buffer that holds a tensor's elements, uploaded first where they are still the host's. */
  bufferOf(tensor: tf.TensorInfo): GPUBuffer {
    this.internals.uploadToGPU(tensor.dataId);
    return this.internals.tensorMap.get(tensor.dataId).resource!;
  }

  /** The same for a tensor that a kernel changes: values that were read of it before are forgotten. */
  changingBufferOf(tensor: tf.TensorInfo): GPUBuffer {
    const buffer = this.bufferOf(tensor);
    const data = this.internals.tensorMap.get(tensor.dataId);
    data.values = null;
    this.forgetPacked(data);
    return buffer;
  }

  /** Gives a tensor that has no elements these, two f16 in each word; they become its own. */
  holdPacked(tensor: tf.TensorInfo, words: tf.Tensor): void {
    this.internals.tensorMap.get(tensor.dataId).packed = tf.keep(words);
  }

  /** The words with a tensor's elements in f16, where it has such. */
  packedOf(tensor: tf.TensorInfo): tf.Tensor | undefined {
    return this.internals.tensorMap.get(tensor.dataId).packed;
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    const data = this.internals.tensorMap.has(dataId) ? this.internals.tensorMap.get(dataId) : null;
    const gone = super.disposeData(dataId, force);
    if (gone && data !== null) this.forgetPacked(data);
    return gone;
  }

  override read(dataId: tf.DataId): Promise<tf.BackendValues> {
    const data = this.internals.tensorMap.get(dataId);
    if (data.packed !== undefined) this.upload(data);
    return super.read(dataId);
  }

  private forgetPacked(data: TensorData): void {
    data.packed?.dispose();
    delete data.packed;
  }

  /** Records one dispatch behind those that came before, TensorFlow.js's among them. */
  record(dispatch: DeviceDispatch): void {
    this.recording?.dispatches.push(dispatch);
    this.encode(dispatch.pipeline, this.bindGroups.of(dispatch.pipeline, dispatch.buffers), dispatch.workgroups);
    if (this.internals.dispatchCountInPass >= this.submittedAfter) this.flush();
  }

  /** The same for dispatches whose bind groups are at hand. */
  recordPrepared(dispatches: readonly PreparedDispatch[]): void {
    for (const { pipeline, bindGroup, workgroups } of dispatches) this.encode(pipeline, bindGroup, workgroups);
  }

  /** Copies a buffer to the beginning of another, or to a place in it, behind what was recorded. */
  copy(from: GPUBuffer, to: GPUBuffer, place = 0): void {
    this.internals.ensureCommandEncoderReady();
    this.internals.endComputePassEncoder();
    this.internals.commandEncoder!.copyBufferToBuffer(from, 0, to, place, from.size);
  }

  /** Keeps the dispatches of one token, which stands at `position`, while they are recorded. */
  recordToken<T>(position: number, body: () => T): { value: T; recording: Recording } {
    const recording = new Recording(this.device, position);
    this.recording = recording;
    try {
      return { value: body(), recording };
    } finally {
      this.recording = null;
    }
  }

  /** Lets go of a recording that is not to be replayed. */
  forget(recording: Recording): void {
    this.flush();
    for (const buffer of recording.uploads.keys()) this.pool.releaseBuffer(buffer);
    recording.positionBuffer.destroy();
  }

  /** A uniform buffer with a token's position: that of the recording where it is the recorded token's. */
  positionBuffer(position: number): GPUBuffer {
    const { recording } = this;
    return recording?.position === position ? recording.positionBuffer : this.uniforms.of([position]);
  }

  /** What is being recorded is right at positions below this one. */
  holdsBelow(position: number): void {
    if (this.recording !== null) this.recording.end = Math.min(this.recording.end, position);
  }

  /** Submits what is recorded. */
  flush(): void {
    if (this.internals.commandEncoder === null) return;
    this.internals.endComputePassEncoder();
    this.internals.submitQueue();
  }

  /**
   * Lets TensorFlow.js's kernels be recorded as ours are: it makes a uniform buffer and a bind group for each dispatch, and keeps
   * what is freed until the next submission.
   */
  private adoptRecording(): void {
    const bound = (tensor: tf.TensorInfo) => this.internals.tensorMap.get(tensor.dataId).resource!;
    this.internals.recordAndSubmit = (program, output, inputs, uniforms = []) => {
      if (program.pixelsOpType !== undefined) throw new Error('images are not among what is computed here');
      const words = wordsOf([...shapeFields(program, output, inputs), ...uniforms]);
      const outputs = [bound(output)];
      const buffers = [...outputs, ...inputs.map(bound), this.uniforms.of(words)];
      this.record({ pipeline: program.pipeline, buffers, outputs, updates: [], workgroups: program.dispatch });
    };
  }

  /** The device begins with what `body` records when all of it is recorded, so that it never waits for the host meanwhile. */
  inOneSubmission(body: () => void): void {
    this.flush();
    this.submittedAfter = Infinity;
    try {
      body();
    } finally {
      this.submittedAfter = DISPATCHES_PER_SUBMISSION;
      this.flush();
    }
  }

  /** Writes the device's time into a query, behind what was recorded. */
  stamp(querySet: GPUQuerySet, index: number): void {
    this.internals.ensureCommandEncoderReady();
    this.internals.endComputePassEncoder();
    const timestampWrites = { querySet, beginningOfPassWriteIndex: index };
    this.internals.commandEncoder!.beginComputePass({ timestampWrites }).end();
  }

  /** Gives a tensor a buffer, and brings its elements there where they are the host's. */
  private upload(data: TensorData): void {
    if (data.resource !== null && data.resource !== undefined) return;
    const { dtype, shape, values } = data;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.pool.acquireBuffer(4 * tf.util.sizeFromShape([...shape]), usage);
    data.resource = buffer;
    if (data.packed !== undefined) {
      const count = [tf.util.sizeFromShape([...shape]) / 4];
      this.record(this.unpacking.of(this.bufferOf(data.packed), buffer, this.uniforms.of(count), count[0]!));
      return;
    }
    if (values === null || values === undefined) return;
    const elements = wholeWords(values as ArrayLike<number>, dtype);
    this.send(buffer, elements);
    data.values = null; // what is on the device is not kept on the host too
    if (this.recording === null) return;
    this.recording.uploads.set(buffer, elements);
    this.pool.hold(buffer);
  }

  /** Behind what was recorded, which may read what the buffer held before. */
  private send(buffer: GPUBuffer, elements: Float32Array | Int32Array): void {
    if (elements.length === 0) return;
    const place = this.arena.put(elements);
    if (place === null) {
      this.flush();
      this.internals.device.queue.writeBuffer(buffer, 0, elements as GPUAllowSharedBufferSource);
      return;
    }
    this.internals.ensureCommandEncoderReady();
    this.internals.endComputePassEncoder();
    this.internals.commandEncoder!.copyBufferToBuffer(this.arena.buffer, place, buffer, 0, elements.byteLength);
  }

  private encode(
    pipeline: GPUComputePipeline,
    bindGroup: GPUBindGroup,
    [x, y, z]: readonly [number, number, number],
  ): void {
    const internals = this.internals;
    internals.ensureCommandEncoderReady();
    const pass = (internals.computePassEncoder ??= internals.commandEncoder!.beginComputePass());
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(x, y, z);
    internals.dispatchCountInPass++;
  }

  private get internals(): Internals {
    return this as unknown as Internals;
  }
}

/** Elements as the device has them: truth values are integers there. */
function wholeWords(values: ArrayLike<number>, dtype: tf.DataType): Float32Array | Int32Array {
  const Words = dtype === 'int32' || dtype === 'bool' ? Int32Array : Float32Array;
  return values instanceof Words ? values : Words.from(values);
}

/** What TensorFlow.js's kernels declare ahead of their own uniforms. */
function shapeFields(program: TfjsProgram, output: tf.TensorInfo, inputs: readonly tf.TensorInfo[]): UniformField[] {
  const fields: UniformField[] = [
    { type: 'float32', data: [NaN] },
    { type: 'float32', data: [Infinity] },
  ];
  for (const { shape } of [...inputs, output])
    fields.push({ type: 'int32', data: shape }, { type: 'int32', data: tf.util.computeStrides(shape) });
  if (program.size === true) {
    const size = tf.util.sizeFromShape([...program.outputShape]);
    fields.push({ type: 'int32', data: [size / (program.outputComponent ?? 1)] });
  }
  return fields;
}

/** Fields as WGSL lays out vectors; those of five and six elements are structures of whole vectors of four. */
function wordsOf(fields: readonly UniformField[]): Word[] {
  const words: Word[] = [];
  let structure = false;
  for (const { type, data } of fields) {
    const values = data.length === 0 ? [1] : data;
    const alignment = structure || values.length > 2 ? 4 : values.length;
    while (words.length % alignment !== 0) words.push(0);
    for (const value of values) words.push(type === 'float32' ? f32(value) : value);
    structure = values.length > 4;
  }
  return words;
}
