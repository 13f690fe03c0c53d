// Runs our WGSL kernels on tensors: pipelines are compiled once a specialisation, and dispatches are recorded in
// TensorFlow.js's own command encoder, so that they mix with its kernels in any order.
import * as tf from '#tfjs';
import { forgetHalfCopy } from './half-copies.js';
import { DeviceBackend } from '../../backends/device-backend.js';

/** A kernel specialised to the constants that its text was made with. */
export interface Program {
  /** Names the kernel and every constant in its text: equal keys, equal text. */
  readonly key: string;
  /**
   * WGSL with an entry point `main`. Group 0 binds the inputs, then the outputs, then, where there are `uniforms`, one uniform
   * buffer, in this order; each must be used.
   */
  readonly wgsl: () => string;
}

export interface Dispatch<Outputs extends readonly OutputSpec[] = readonly OutputSpec[]> {
  readonly program: Program;
  /** Bound as `var<storage, read>`. */
  readonly inputs: readonly tf.TensorInfo[];
  /** New tensors, bound as `var<storage, read_write>`. Their elements are undefined before the kernel writes them. */
  readonly outputs: Outputs;
  /** Tensors that the kernel changes in place, bound behind the outputs as `var<storage, read_write>`. */
  readonly updates?: readonly tf.TensorInfo[];
  /** Words of the uniform buffer: unsigned integers, or floats through `f32`. */
  readonly uniforms?: readonly (number | Float)[];
  readonly workgroups: readonly [x: number, y?: number, z?: number];
}

export interface OutputSpec {
  readonly shape: readonly number[];
  readonly dtype?: 'float32' | 'int32';
}

/** A uniform that the kernel reads as f32. */
export interface Float {
  readonly float: number;
}

export function f32(value: number): Float {
  return { float: value };
}

/** Uniform buffers by their content: the same few shapes come again with every layer and batch. */
const MOST_UNIFORM_BUFFERS = 4096;

interface DeviceCaches {
  readonly pipelines: Map<string, { pipeline: GPUComputePipeline; layout: GPUBindGroupLayout }>;
  readonly uniforms: Map<string, GPUBuffer>;
}

const caches = new WeakMap<DeviceBackend, DeviceCaches>();

/** The running backend, which must be ours. */
export function deviceBackend(): DeviceBackend {
  const backend = tf.backend();
  if (!(backend instanceof DeviceBackend)) throw new Error(`the backend is ${tf.getBackend()}, not webgpu`);
  return backend;
}

/** Records one kernel; the outputs are tensors of the current scope. An empty output is made without a dispatch. */
export function run<const Outputs extends readonly OutputSpec[]>(
  dispatch: Dispatch<Outputs>,
): { [I in keyof Outputs]: tf.Tensor } {
  const backend = deviceBackend();
  const outputs = dispatch.outputs.map(({ shape, dtype = 'float32' }) => newTensor(backend, shape, dtype));
  dispatch.updates?.forEach(forgetHalfCopy);
  const [x, y = 1, z = 1] = dispatch.workgroups;
  if (x * y * z > 0) {
    const { pipeline, layout } = pipelineOf(backend, dispatch.program);
    const buffers = [...dispatch.inputs, ...outputs].map((tensor) => backend.bufferOf(tensor));
    for (const tensor of dispatch.updates ?? []) buffers.push(backend.changingBufferOf(tensor));
    if (dispatch.uniforms !== undefined) buffers.push(uniformBuffer(backend, dispatch.uniforms));
    const bindGroup = backend.device.createBindGroup({
      layout,
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    backend.record(pipeline, bindGroup, [x, y, z]);
  }
  return outputs as unknown as { [I in keyof Outputs]: tf.Tensor };
}

/** A tensor of the current scope whose elements are undefined, for kernels that write parts of it. */
export function uninitialised(shape: readonly number[]): tf.Tensor {
  return newTensor(deviceBackend(), shape, 'float32');
}

/** `count` items, `each` to a workgroup, laid out over x and y where x alone does not reach. */
export function workgroupsFor(count: number, each: number): [number, number] {
  const groups = Math.ceil(count / each);
  const most = deviceBackend().device.limits.maxComputeWorkgroupsPerDimension;
  if (groups <= most) return [groups, 1];
  const y = Math.ceil(groups / most);
  return [Math.ceil(groups / y), y];
}

function newTensor(backend: DeviceBackend, shape: readonly number[], dtype: tf.DataType): tf.Tensor {
  const empty = shape.includes(0) ? new Float32Array(0) : null;
  const dataId = backend.write(empty as unknown as tf.backend_util.TypedArray, [...shape], dtype);
  return tf.engine().makeTensorFromDataId(dataId, [...shape], dtype, backend);
}

function pipelineOf(backend: DeviceBackend, { key, wgsl }: Program) {
  const { pipelines } = cachesOf(backend);
  let compiled = pipelines.get(key);
  if (compiled === undefined) {
    const module = backend.device.createShaderModule({ code: wgsl(), label: key });
    const pipeline = backend.device.createComputePipeline({ label: key, layout: 'auto', compute: { module } });
    compiled = { pipeline, layout: pipeline.getBindGroupLayout(0) };
    pipelines.set(key, compiled);
  }
  return compiled;
}

/** Never written again, so that a dispatch which is not yet submitted still finds its words. */
function uniformBuffer(backend: DeviceBackend, values: readonly (number | Float)[]): GPUBuffer {
  const { uniforms } = cachesOf(backend);
  // A uniform buffer is bound in whole vectors of four words.
  const words = new DataView(new ArrayBuffer(16 * Math.ceil(values.length / 4)));
  values.forEach((value, i) =>
    typeof value === 'number' ? words.setUint32(4 * i, value, true) : words.setFloat32(4 * i, value.float, true),
  );
  const key = Buffer.from(words.buffer).toString('latin1');
  let buffer = uniforms.get(key);
  if (buffer === undefined) {
    if (uniforms.size >= MOST_UNIFORM_BUFFERS) uniforms.clear();
    buffer = backend.device.createBuffer({
      size: words.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    backend.device.queue.writeBuffer(buffer, 0, words.buffer);
    uniforms.set(key, buffer);
  }
  return buffer;
}

function cachesOf(backend: DeviceBackend): DeviceCaches {
  let found = caches.get(backend);
  if (found === undefined) {
    found = { pipelines: new Map(), uniforms: new Map() };
    caches.set(backend, found);
  }
  return found;
}
