// The part of the neural memory's chunk form that goes from chunk to chunk (neural-memory.ts has the formulas): with A the memory
// that the chunk started with, which is M but for a chunk under way,
//   E = K A - V;  O = Qm M + Qs S - W E;  M' = kept M + carried S - Km^T E;  S' = pushed S - Ks^T E
// The gradient goes the same way back, from matrices that it computes again: the tape would keep some ten of them a chunk.
import * as tf from '#tfjs';
import { defineOp, type Tensors } from './op.js';
import { scope } from './scope.js';

/** Of each chunk: [R, count, C, D], but for `weights` [R, count, C, C] and the three factors [R, count, 1, 1]. */
const PARTS = [
  'k',
  'v',
  'qOnMemory',
  'qOnMomentum',
  'weights',
  'kToMemory',
  'kToMomentum',
  'kept',
  'carried',
  'pushed',
] as const;
type Part = (typeof PARTS)[number];
/** Of one chunk or of all. */
type PerChunk = Record<Part, tf.Tensor>;

/** M and S, each [R, D, D]. */
export interface Matrices {
  readonly memory: tf.Tensor;
  readonly momentum: tf.Tensor;
}

/** With A, [R, D, D]: of the first chunk that is given. */
export interface StartMatrices extends Matrices {
  readonly chunkStart: tf.Tensor;
}

export interface NeuralMemoryChunksInputs extends PerChunk, StartMatrices, Tensors {}

/** -> o [R, count * C, D], and the matrices after the last chunk. */
export function neuralMemoryChunks(inputs: NeuralMemoryChunksInputs): Matrices & { o: tf.Tensor } {
  const [, count, length, dim] = inputs.k.shape as [number, number, number, number];
  return unpack(chunksOp(inputs, null), count * length, dim);
}

const chunksOp = defineOp<NeuralMemoryChunksInputs, null, tf.Tensor>({
  name: 'NeuralMemoryChunks',
  reference: (inputs) => {
    const outputs: tf.Tensor[] = [];
    let { memory, momentum }: Matrices = inputs;
    intoChunks(inputs).forEach((chunk, c) => {
      const next = scope(() => {
        const error = errorOf(chunk, c === 0 ? inputs.chunkStart : memory);
        const before = tf.add(tf.matMul(chunk.qOnMemory, memory), tf.matMul(chunk.qOnMomentum, momentum));
        return {
          o: tf.sub(before, tf.matMul(chunk.weights, error)),
          ...advance(chunk, { memory, momentum }, error),
        };
      });
      if (c > 0) tf.dispose([memory, momentum]);
      outputs.push(next.o);
      ({ memory, momentum } = next);
    });
    return tf.concat([...outputs, memory, momentum], 1);
  },
  gradient: (inputs, _, dOutput) => {
    const [, count, length, dim] = inputs.k.shape as [number, number, number, number];
    const chunks = intoChunks(inputs);
    const starts = startsOf(chunks, inputs);
    const { o: dO, ...dAfter } = unpack(dOutput, count * length, dim);
    const dOutputs = tf.unstack(tf.reshape(dO, [-1, count, length, dim]), 1);

    let after: Matrices = dAfter;
    const gradients: PerChunk[] = [];
    for (let c = count - 1; c > 0; c--) {
      const before = scope(() => {
        const { perChunk, memory, momentum, chunkStart } = gradientOfChunk(chunks[c]!, starts[c]!, dOutputs[c]!, after);
        return { perChunk, memory: tf.add(memory, chunkStart), momentum };
      });
      tf.dispose([after.memory, after.momentum]);
      gradients.unshift(before.perChunk);
      after = before;
    }
    const { perChunk, ...dStart } = scope(() => gradientOfChunk(chunks[0]!, starts[0]!, dOutputs[0]!, after));
    gradients.unshift(perChunk);
    return {
      ...mapParts((part) =>
        tf.stack(
          gradients.map((gradient) => gradient[part]),
          1,
        ),
      ),
      ...dStart,
    };
  },
});

function errorOf({ k, v }: PerChunk, chunkStart: tf.Tensor): tf.Tensor {
  return tf.sub(tf.matMul(k, chunkStart), v);
}

/** M' and S' */
function advance(chunk: PerChunk, { memory, momentum }: Matrices, error: tf.Tensor): Matrices {
  const decayed = tf.add(tf.mul(chunk.kept, memory), tf.mul(chunk.carried, momentum));
  return {
    memory: tf.sub(decayed, tf.matMul(chunk.kToMemory, error, true)),
    momentum: tf.sub(tf.mul(chunk.pushed, momentum), tf.matMul(chunk.kToMomentum, error, true)),
  };
}

/** What each chunk starts with. */
function startsOf(chunks: readonly PerChunk[], first: StartMatrices): StartMatrices[] {
  const starts = [first];
  for (const chunk of chunks.slice(0, -1)) {
    const start = starts.at(-1)!;
    const next = scope(() => advance(chunk, start, errorOf(chunk, start.chunkStart)));
    starts.push({ ...next, chunkStart: next.memory });
  }
  return starts;
}

/** From the gradients of a chunk's outputs and of the matrices after it to those of what it is made of. */
function gradientOfChunk(
  chunk: PerChunk,
  { memory, momentum, chunkStart }: StartMatrices,
  dO: tf.Tensor,
  { memory: dMemory, momentum: dMomentum }: Matrices,
): StartMatrices & { perChunk: PerChunk } {
  const error = errorOf(chunk, chunkStart);
  const dError = tf.neg(
    tf.addN([
      tf.matMul(chunk.weights, dO, true),
      tf.matMul(chunk.kToMemory, dMemory),
      tf.matMul(chunk.kToMomentum, dMomentum),
    ]),
  );
  const sumOfProducts = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.mul(a, b), [1, 2], true);
  return {
    perChunk: {
      k: tf.matMul(dError, chunkStart, false, true),
      v: tf.neg(dError),
      qOnMemory: tf.matMul(dO, memory, false, true),
      qOnMomentum: tf.matMul(dO, momentum, false, true),
      weights: tf.neg(tf.matMul(dO, error, false, true)),
      kToMemory: tf.neg(tf.matMul(error, dMemory, false, true)),
      kToMomentum: tf.neg(tf.matMul(error, dMomentum, false, true)),
      kept: sumOfProducts(memory, dMemory),
      carried: sumOfProducts(momentum, dMemory),
      pushed: sumOfProducts(momentum, dMomentum),
    },
    memory: tf.add(tf.matMul(chunk.qOnMemory, dO, true), tf.mul(chunk.kept, dMemory)),
    momentum: tf.addN([
      tf.matMul(chunk.qOnMomentum, dO, true),
      tf.mul(chunk.carried, dMemory),
      tf.mul(chunk.pushed, dMomentum),
    ]),
    chunkStart: tf.matMul(chunk.k, dError, true),
  };
}

/** [R, count, ...] -> count times [R, ...] of each. */
function intoChunks(inputs: PerChunk): PerChunk[] {
  const parts = mapParts((part) => tf.unstack(inputs[part], 1));
  return parts.k.map((_, c) => mapParts((part) => parts[part][c]!));
}

function mapParts<T>(f: (part: Part) => T): Record<Part, T> {
  return Object.fromEntries(PARTS.map((part) => [part, f(part)])) as Record<Part, T>;
}

/** The outputs and the two matrices, which lie one below the other. */
function unpack(packed: tf.Tensor, length: number, dim: number): Matrices & { o: tf.Tensor } {
  const [o, memory, momentum] = tf.split(packed, [length, dim, dim], 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
  return { o, memory, momentum };
}
