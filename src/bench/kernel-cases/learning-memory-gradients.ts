// The gradients of the memories that learn while they read, at the sizes of learning-memories.ts, against those of the composite form.
import * as tf from '#tfjs';
import { neuralMemoryGradient } from '../../kernels/webgpu/neural-memory-gradient.js';
import type { NeuralMemoryKernelInputs } from '../../kernels/webgpu/neural-memory.js';
import { tttGradient } from '../../kernels/webgpu/ttt-gradient.js';
import type { TttKernelInputs } from '../../kernels/webgpu/ttt-mini-batch.js';
import { neuralMemory } from '../../ops/neural-memory.js';
import { withoutFusedKernels } from '../../ops/op.js';
import { tttLinear } from '../../ops/ttt-mini-batch.js';
import type { KernelCase } from '../kernel-case.js';
import { randomTensor, relativeError } from '../kernel-inputs.js';
import { CHUNK, EPSILON, titansInputs, tttInputs, type Size } from './learning-memories.js';

interface Memory<Inputs> {
  readonly kernel: string;
  readonly size: Size;
  /** Operations and floats a token and head, with the matrices that the chunks start with, which are made again. */
  readonly flops: number;
  readonly floats: number;
  readonly inputs: (size: Size) => Inputs;
  /** Of the inputs, in their order. */
  readonly gradient: (inputs: Inputs, dOutput: tf.Tensor4D) => object;
  readonly output: (inputs: Inputs) => tf.Tensor;
}

function gradientCase<Inputs extends object>(memory: Memory<Inputs>): KernelCase {
  const { kernel, size, flops, floats, inputs, gradient, output } = memory;
  const { batch, heads, length, dim } = size;
  const tokens = batch * heads * length;
  const tensorsOf = (x: object) => Object.values(x) as tf.Tensor[];
  const made = (of: Size) => ({
    inputs: inputs(of),
    dOutput: randomTensor([of.batch, of.heads, of.length, of.dim], 9) as tf.Tensor4D,
  });
  const dispose = ({ inputs, dOutput }: ReturnType<typeof made>) => tf.dispose([...tensorsOf(inputs), dOutput]);
  const gradients = ({ inputs, dOutput }: ReturnType<typeof made>) =>
    tf.tidy(() => tensorsOf(gradient(inputs, dOutput)));
  return {
    ...{
      kernel,
      shape: `B${batch} T${length} N${heads} D${dim} chunk ${CHUNK}`,
      precision: 'f32',
      bound: 'arithmetic',
    },
    flops: tokens * flops,
    bytes: 4 * tokens * floats,
    prepare: () => {
      const tensors = made(size);
      return { run: () => gradients(tensors), dispose: () => dispose(tensors) };
    },
    error: async () => {
      const tensors = made({ batch: 1, heads: 1, length: 160, dim });
      const found = gradients(tensors);
      const names = Object.keys(tensors.inputs);
      const named = (values: tf.Tensor[]) => Object.fromEntries(names.map((name, i) => [name, values[i]])) as Inputs;
      const composite = tf.grads((...values) => output(named(values)));
      const wanted = withoutFusedKernels(() => composite(tensorsOf(tensors.inputs), tensors.dOutput));
      const errors = await Promise.all(
        found.map(async (x, i) => relativeError(await x.data(), await wanted[i]!.data())),
      );
      dispose(tensors);
      tf.dispose([...found, ...wanted]);
      return Math.max(...errors);
    },
  };
}

function ttt(size: Size): KernelCase {
  const { dim } = size;
  return gradientCase<TttKernelInputs>({
    ...{ kernel: 'ttt-mini-batch gradient', size, inputs: tttInputs },
    flops: 20 * dim ** 2 + 12 * CHUNK * dim,
    floats: 9 * dim + (2 * dim * (dim + 1)) / CHUNK,
    gradient: (inputs, dY) => tttGradient(inputs, [dY, tf.zerosLike(inputs.weights), undefined], 0, EPSILON),
    output: ({ normWeight, normBias, weights, ...tokens }) =>
      tttLinear({ ...tokens, norm: { weight: normWeight, bias: normBias } }, { weights, pending: null }, 0).y,
  });
}

function titans(size: Size): KernelCase {
  const { dim } = size;
  return gradientCase<NeuralMemoryKernelInputs>({
    ...{ kernel: 'neural-memory gradient', size, inputs: titansInputs },
    flops: 28 * dim ** 2 + 12 * CHUNK * dim,
    floats: 9 * dim + (4 * dim ** 2) / CHUNK,
    gradient: (inputs, dO) => {
      const zeros = tf.zerosLike(inputs.memory);
      return neuralMemoryGradient(inputs, [dO, zeros, zeros, undefined], CHUNK, 0);
    },
    output: ({ memory, momentum, ...tokens }) =>
      neuralMemory({ ...tokens, state: { memory, momentum, chunkStart: null } }, { chunk: CHUNK, seen: 0 }).o,
  });
}

export const cases: KernelCase[] = [
  ttt({ batch: 8, heads: 16, length: 4096, dim: 64 }),
  // Twice as many texts would take a binding of more than 2 GiB for the momenta.
  titans({ batch: 8, heads: 8, length: 4096, dim: 128 }),
];
