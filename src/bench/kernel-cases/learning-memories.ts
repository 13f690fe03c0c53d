// The memories that learn while they read at the sizes of the 340M models, 32,768 tokens a call, eight texts and one long one:
// TTT-Linear (16 heads of 64) and the neural memory of Titans (8 heads of 128).
import * as tf from '#tfjs';
import { neuralMemoryForward, type NeuralMemoryKernelInputs } from '../../kernels/webgpu/neural-memory.js';
import { tttForward, type TttKernelInputs } from '../../kernels/webgpu/ttt-mini-batch.js';
import type { KernelCase } from '../kernel-case.js';
import { randomTensor, relativeError } from '../kernel-inputs.js';
import { randomFloats } from '../random.js';

export interface Size {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly dim: number;
}

/** Tokens in a mini-batch or chunk. */
export const CHUNK = 16;
export const EPSILON = 1e-6;

function uniform(shape: number[], seed: number, low: number, high: number): tf.Tensor {
  const values = randomFloats(tf.util.sizeFromShape(shape), seed).map((value) => low + (high - low) * value);
  return tf.tensor(values, shape);
}

interface Memory<Inputs> {
  readonly kernel: string;
  readonly size: Size;
  /** Operations a token and head. */
  readonly flops: number;
  readonly inputs: (size: Size) => Inputs;
  /** The output first. */
  readonly run: (inputs: Inputs) => tf.Tensor[];
  /** The output of one head in f64, from the values of the inputs. */
  readonly wanted: (size: Size, values: Record<keyof Inputs, Float32Array>) => Float64Array;
}

function memoryCase<Inputs extends object>({ kernel, size, flops, inputs, run, wanted }: Memory<Inputs>): KernelCase {
  const { batch, heads, length, dim } = size;
  const tokens = batch * heads * length;
  return {
    ...{
      kernel,
      shape: `B${batch} T${length} N${heads} D${dim} chunk ${CHUNK}`,
      precision: 'f32',
      bound: 'arithmetic',
    },
    flops: tokens * flops,
    bytes: 4 * tokens * 4 * dim,
    prepare: () => {
      const made = inputs(size);
      return { run: () => run(made), dispose: () => tf.dispose(Object.values(made) as tf.Tensor[]) };
    },
    error: async () => {
      const small = { batch: 1, heads: 1, length: 150, dim };
      const made = inputs(small);
      const outputs = run(made);
      const entries = Object.entries(made) as [string, tf.Tensor][];
      const values = await Promise.all(entries.map(async ([name, x]) => [name, await x.data()] as const));
      const found = await outputs[0]!.data();
      tf.dispose([...outputs, ...entries.map(([, x]) => x)]);
      return relativeError(found, wanted(small, Object.fromEntries(values) as Record<keyof Inputs, Float32Array>));
    },
  };
}

export function tttInputs({ batch, heads, length, dim }: Size): TttKernelInputs {
  const near = dim ** -0.5;
  return {
    q: randomTensor([batch, heads, length, dim], 1) as tf.Tensor4D,
    k: randomTensor([batch, heads, length, dim], 2) as tf.Tensor4D,
    v: randomTensor([batch, heads, length, dim], 3) as tf.Tensor4D,
    rate: uniform([batch, heads, length, 1], 4, 0, 1 / dim) as tf.Tensor4D,
    scale: uniform([CHUNK], 5, 0.1, 1) as tf.Tensor1D,
    normWeight: uniform([heads, 1, dim], 6, 0.5, 1.5),
    normBias: randomTensor([heads, 1, dim], 7),
    weights: uniform([batch, heads, dim + 1, dim], 8, -near, near) as tf.Tensor4D,
  };
}

function ttt(size: Size): KernelCase {
  return memoryCase<TttKernelInputs>({
    ...{ kernel: 'ttt-mini-batch', size, flops: 6 * size.dim ** 2 + 4 * CHUNK * size.dim },
    inputs: tttInputs,
    run: (inputs) => tttForward(inputs, 0, EPSILON),
    wanted: tttInF64,
  });
}

/** Token by token, each reading with a W of its own. */
function tttInF64({ length, dim }: Size, x: Record<keyof TttKernelInputs, Float32Array>): Float64Array {
  const y = new Float64Array(length * dim);
  let start = Float64Array.from(x.weights);
  let learnt = new Float64Array(start.length);
  const columns = Array.from({ length: dim }, (_, j) => j);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / dim;
  const read = (model: Float64Array, row: Float32Array) =>
    columns.map((j) => row.reduce((sum, value, i) => sum + value * model[i * dim + j]!, model[dim * dim + j]!));
  const standardise = (z: readonly number[]) => {
    const centre = mean(z);
    const deviation = Math.sqrt(mean(z.map((value) => (value - centre) ** 2)) + EPSILON);
    return { deviation, values: z.map((value) => (value - centre) / deviation) };
  };
  for (let t = 0; t < length; t++) {
    const row = (values: Float32Array) => values.subarray(t * dim, (t + 1) * dim);
    const [q, k, v] = [row(x.q), row(x.k), row(x.v)];
    const { deviation, values } = standardise(read(start, k));
    const g = columns.map((j) => (values[j]! * x.normWeight[j]! + x.normBias[j]! - (v[j]! - k[j]!)) * x.normWeight[j]!);
    const [along, across] = [mean(g), mean(g.map((value, j) => value * values[j]!))];
    for (let i = 0; i <= dim; i++)
      for (const j of columns) {
        const gradient = (x.rate[t]! * (g[j]! - along - values[j]! * across)) / deviation;
        learnt[i * dim + j]! += (i === dim ? 1 : k[i]!) * gradient;
      }
    const model = start.map((value, at) => value - x.scale[t % CHUNK]! * learnt[at]!);
    const answer = standardise(read(model, q)).values;
    for (const j of columns) y[t * dim + j] = q[j]! + answer[j]! * x.normWeight[j]! + x.normBias[j]!;
    if (t % CHUNK === CHUNK - 1) {
      start = model;
      learnt = new Float64Array(start.length);
    }
  }
  return y;
}

export function titansInputs({ batch, heads, length, dim }: Size): NeuralMemoryKernelInputs {
  const near = Math.sqrt(3 / dim); // rows of about length 1
  return {
    q: uniform([batch, heads, length, dim], 1, -near, near) as tf.Tensor4D,
    k: uniform([batch, heads, length, dim], 2, -near, near) as tf.Tensor4D,
    v: randomTensor([batch, heads, length, dim], 3) as tf.Tensor4D,
    logKeep: uniform([batch, heads, length], 4, -0.05, 0) as tf.Tensor3D,
    logMomentum: uniform([batch, heads, length], 5, -1, 0) as tf.Tensor3D,
    stepSize: uniform([batch, heads, length], 6, 0, 1 / CHUNK) as tf.Tensor3D,
    memory: uniform([batch, heads, dim, dim], 7, -near, near) as tf.Tensor4D,
    momentum: uniform([batch, heads, dim, dim], 8, -near, near) as tf.Tensor4D,
  };
}

function titans(size: Size): KernelCase {
  return memoryCase<NeuralMemoryKernelInputs>({
    ...{ kernel: 'neural-memory', size, flops: 10 * size.dim ** 2 + 4 * CHUNK * size.dim },
    inputs: titansInputs,
    run: (inputs) => neuralMemoryForward(inputs, CHUNK, 0),
    wanted: titansInF64,
  });
}

/** Equations 11 to 16, token by token. */
function titansInF64({ length, dim }: Size, x: Record<keyof NeuralMemoryKernelInputs, Float32Array>): Float64Array {
  const o = new Float64Array(length * dim);
  const [memory, momentum] = [Float64Array.from(x.memory), Float64Array.from(x.momentum)];
  let start = memory.slice();
  for (let t = 0; t < length; t++) {
    if (t % CHUNK === 0) start = memory.slice();
    for (let j = 0; j < dim; j++) {
      let error = -x.v[t * dim + j]!;
      for (let i = 0; i < dim; i++) error += x.k[t * dim + i]! * start[i * dim + j]!;
      for (let i = 0; i < dim; i++) {
        const at = i * dim + j;
        const push = Math.exp(x.logMomentum[t]!) * momentum[at]! - 2 * x.stepSize[t]! * x.k[t * dim + i]! * error;
        momentum[at] = push;
        memory[at] = Math.exp(x.logKeep[t]!) * memory[at]! + push;
        o[t * dim + j]! += x.q[t * dim + i]! * memory[at];
      }
    }
  }
  return o;
}

export const cases: KernelCase[] = [
  ttt({ batch: 8, heads: 16, length: 4096, dim: 64 }),
  ttt({ batch: 1, heads: 16, length: 32_768, dim: 64 }),
  titans({ batch: 8, heads: 8, length: 4096, dim: 128 }),
  titans({ batch: 1, heads: 8, length: 32_768, dim: 128 }),
];
