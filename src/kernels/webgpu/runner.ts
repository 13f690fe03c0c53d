// Runs our WGSL kernels on tensors: pipelines are compiled once a specialisation, and dispatches are recorded in
// TensorFlow.js's own command encoder, so that they mix with its kernels in any order.
import * as tf from '#tfjs';
import { forgetHalfCopy } from './half-copies.js';
import { DeviceBackend } from '../../backends/device-backend.js';
import type { Word } from '../../backends/uniform-buffers.js';

export { f32 } from '../../backends/uniform-buffers.js';

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
  /** Words of the uniform buffer: unsigned integers, or floats through `f32`; or a buffer of the caller's, who writes it. */
  readonly uniforms?: readonly Word[] | GPUBuffer;
  /**
   * Where in its sequence the first token stands, for kernels that ask: a uniform of its own behind the others, which they declare
   * by `positionWgsl`. Everything else is the same for the next token.
   */
  readonly position?: number;
  readonly workgroups: readonly [x: number, y?: number, z?: number];
}

export interface OutputSpec {
  readonly shape: readonly number[];
  readonly dtype?: 'float32' | 'int32';
  /** The kernel writes f16, two to a word; the last dimension is a multiple of eight. The tensor counts as float32. */
  readonly packed?: boolean;
}

const pipelines = new WeakMap<DeviceBackend, Map<string, GPUComputePipeline>>();

/** Declares the binding behind all others, whose `at.x` is the position. */
export function positionWgsl(binding: number): string {
  return `@group(0) @binding(${binding}) var<uniform> at: vec4<u32>;`;
}

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
  const outputs = dispatch.outputs.map((output) => newOutput(backend, output));
  dispatch.updates?.forEach(forgetHalfCopy);
  const [x, y = 1, z = 1] = dispatch.workgroups;
  if (x * y * z > 0) {
    const filled = outputs.map((tensor) => backend.bufferOf(backend.packedOf(tensor) ?? tensor));
    const updates = dispatch.updates?.map((tensor) => backend.changingBufferOf(tensor)) ?? [];
    const buffers = [...dispatch.inputs.map((tensor) => backend.bufferOf(tensor)), ...filled, ...updates];
    const { uniforms } = dispatch;
    if (uniforms !== undefined) buffers.push('size' in uniforms ? uniforms : backend.uniforms.of(uniforms));
    if (dispatch.position !== undefined) buffers.push(backend.positionBuffer(dispatch.position));
    const pipeline = pipelineOf(backend, dispatch.program);
    backend.record({ pipeline, buffers, outputs: filled, updates, workgroups: [x, y, z] });
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

function newOutput(backend: DeviceBackend, { shape, dtype = 'float32', packed = false }: OutputSpec): tf.Tensor {
  const tensor = newTensor(backend, shape, dtype);
  if (packed && tensor.size > 0) backend.holdPacked(tensor, newTensor(backend, [tensor.size / 2], 'int32'));
  return tensor;
}

function newTensor(backend: DeviceBackend, shape: readonly number[], dtype: tf.DataType): tf.Tensor {
  const empty = shape.includes(0) ? new Float32Array(0) : null;
  const dataId = backend.write(empty as unknown as tf.backend_util.TypedArray, [...shape], dtype);
  return tf.engine().makeTensorFromDataId(dataId, [...shape], dtype, backend);
}

function pipelineOf(backend: DeviceBackend, { key, wgsl }: Program): GPUComputePipeline {
  let compiled = pipelines.get(backend);
  if (compiled === undefined) pipelines.set(backend, (compiled = new Map<string, GPUComputePipeline>()));
  let pipeline = compiled.get(key);
  if (pipeline === undefined) {
    const module = backend.device.createShaderModule({ code: wgsl(), label: key });
    pipeline = backend.device.createComputePipeline({ label: key, layout: 'auto', compute: { module } });
    compiled.set(key, pipeline);
  }
  return pipeline;
}
