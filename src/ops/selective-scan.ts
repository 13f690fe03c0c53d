// The selective scan of Mamba (Gu & Dao 2023, section 3.2): a linear recurrence, one for every channel i and state n, whose
// step size and whose input and output weights depend on the token.
//   h[t] = exp(dt[t] A) h[t-1] + (dt[t] x[t]) B[t],   y[t] = h[t] . C[t] + D x[t]
// The composite form goes through the tokens in chunks. Within one, (decay, added) pairs are combined by doubling (Hillis &
// Steele 1986): (a2, b2) after (a1, b1) is (a2 a1, a2 b1 + b2). Decays are below one, so nothing can overflow.
import * as tf from '#tfjs';
import { HOST_BACKENDS } from '../kernels/host/host-memory.js';
import { hasScanGradient, scanGradient } from '../kernels/webgpu/selective-scan-gradient.js';
import { scanForward } from '../kernels/webgpu/selective-scan.js';
import { defineOp, registerFusedKernel, type Gradients } from './op.js';
import { scope } from './scope.js';
import { split } from './split.js';

/** B rows, T tokens, I channels, N states. */
export type SelectiveScanInputs = {
  /** [B, T, I] */
  readonly x: tf.Tensor3D;
  /** Step sizes, positive, [B, T, I]. */
  readonly dt: tf.Tensor3D;
  /** Negative, [I, N]. */
  readonly a: tf.Tensor2D;
  /** [B, T, N] */
  readonly b: tf.Tensor3D;
  /** [B, T, N] */
  readonly c: tf.Tensor3D;
  /** [I] */
  readonly d: tf.Tensor;
  /** h before the first token, [B, N, I]. */
  readonly initial: tf.Tensor3D;
};

/** -> y [B, T, I] and h after the last token, [B, N, I]. */
export function selectiveScan(inputs: SelectiveScanInputs): { y: tf.Tensor3D; state: tf.Tensor3D } {
  const [y, state] = selectiveScanOp(inputs, null);
  return { y, state };
}

/** Elements of one row's states that a chunk may hold. Its length follows from the model's shape, never from the batch. */
const CHUNK_ELEMENTS = 2 ** 20;
const LONGEST_CHUNK = 64;

export function chunkLength(channels: number, states: number): number {
  return Math.max(1, Math.min(LONGEST_CHUNK, Math.floor(CHUNK_ELEMENTS / (channels * states))));
}

type YAndState = [y: tf.Tensor3D, state: tf.Tensor3D];

export const selectiveScanOp = defineOp<SelectiveScanInputs, null, YAndState>({
  name: 'SelectiveScan',
  reference: (inputs) => {
    const a = tf.transpose(inputs.a);
    let h: tf.Tensor = inputs.initial;
    const outputs = chunksOf(inputs).map((chunk) => {
      const next = scope(() => {
        const states = chunkStates(chunk, a, h);
        const y = tf.add(tf.matMul(chunk.c, states, true), tf.mul(chunk.x, inputs.d));
        return { y: rowsFirst(y), h: lastOf(states) };
      });
      h = next.h;
      return next.y;
    });
    return [outputs.length === 1 ? outputs[0]! : tf.concat(outputs, 1), h as tf.Tensor3D];
  },
  gradient: (inputs, _, dOutput) => scope(() => gradientByChunks(inputs, dOutput)),
});

for (const backend of HOST_BACKENDS)
  registerFusedKernel(selectiveScanOp, backend, {
    forward: (inputs) => tf.engine().runKernel('SelectiveScan', inputs) as YAndState,
    gradient: (inputs, _, [dY, dState]) => {
      const gradients = tf.engine().runKernel('SelectiveScanGradient', { ...inputs, dY, dState }) as tf.Tensor[];
      const names = ['x', 'dt', 'a', 'b', 'c', 'd', 'initial'] as const;
      return Object.fromEntries(names.map((name, i) => [name, gradients[i]])) as Gradients<SelectiveScanInputs>;
    },
  });

registerFusedKernel(selectiveScanOp, 'webgpu', {
  forward: scanForward,
  gradient: (inputs, _, dOutput) =>
    hasScanGradient(inputs.a.shape[1]) ? scanGradient(inputs, dOutput) : scope(() => gradientByChunks(inputs, dOutput)),
});

/** Some tokens of the inputs, tokens first: x, dt [C, B, 1, I], b, c [C, B, N, 1]. */
interface Chunk {
  readonly x: tf.Tensor;
  readonly dt: tf.Tensor;
  readonly b: tf.Tensor;
  readonly c: tf.Tensor;
}

function chunksOf({ x, dt, b, c }: SelectiveScanInputs): Chunk[] {
  const sizes = chunkSizes(x.shape[1], chunkLength(x.shape[2], b.shape[2]));
  const channels = (tensor: tf.Tensor3D) => tokensFirst(tensor, sizes).map((piece) => tf.expandDims(piece, 2));
  const states = (tensor: tf.Tensor3D) => tokensFirst(tensor, sizes).map((piece) => tf.expandDims(piece, 3));
  const pieces = { x: channels(x), dt: channels(dt), b: states(b), c: states(c) };
  return sizes.map((_, k) => ({ x: pieces.x[k]!, dt: pieces.dt[k]!, b: pieces.b[k]!, c: pieces.c[k]! }));
}

/** [B, T, F] -> pieces [C, B, F] */
function tokensFirst(x: tf.Tensor3D, sizes: number[]): tf.Tensor[] {
  return split(tf.transpose(x, [1, 0, 2]), sizes, 0);
}

/** [C, B, 1, F] or [C, B, F, 1] -> [B, C, F] */
function rowsFirst(x: tf.Tensor): tf.Tensor3D {
  const [length, batch] = x.shape as [number, number];
  return tf.transpose(tf.reshape(x, [length, batch, -1]) as tf.Tensor3D, [1, 0, 2]);
}

function chunkSizes(length: number, longest: number): number[] {
  return Array.from({ length: Math.ceil(length / longest) }, (_, k) => Math.min(longest, length - k * longest));
}

/** h after each token of a chunk, [C, B, N, I]; a [N, I], h before it [B, N, I]. */
function chunkStates(chunk: Chunk, a: tf.Tensor, h: tf.Tensor): tf.Tensor {
  return scan(tf.exp(tf.mul(chunk.dt, a)), tf.mul(tf.mul(chunk.dt, chunk.x), chunk.b), h);
}

/** s[t] = decays[t] s[t-1] + added[t] along the first axis, [C, ...], from s[-1] = `before` [...] on. */
function scan(decays: tf.Tensor, added: tf.Tensor, before: tf.Tensor): tf.Tensor {
  const length = added.shape[0]!;
  const flat = (x: tf.Tensor) => tf.reshape(x, [-1, before.size]);
  const [a, b] = [flat(decays), flat(added)];
  const first = tf.add(rows(b, 0, 1), tf.mul(rows(a, 0, 1), flat(before)));
  // After each doubling row t is the composition of the 2 x distance steps that end with it.
  let composed = { decays: a, added: joinRows(first, rows(b, 1, length - 1)) };
  for (let distance = 1; distance < length; distance *= 2) composed = scope(() => double(composed, distance));
  return tf.reshape(composed.added, added.shape);
}

function double({ decays, added }: { decays: tf.Tensor; added: tf.Tensor }, distance: number) {
  const later = decays.shape[0]! - distance;
  const lateDecays = rows(decays, distance, later);
  const carriedOver = tf.mul(lateDecays, rows(added, 0, later));
  return {
    decays: joinRows(rows(decays, 0, distance), tf.mul(lateDecays, rows(decays, 0, later))),
    added: joinRows(rows(added, 0, distance), tf.add(rows(added, distance, later), carriedOver)),
  };
}

/**
 * With g[t] the gradient of h[t], what passes on to h[t-1] is p[t] = exp(dt[t] A) g[t], so that
 *   g[t] = C[t] dy[t] + p[t+1]   and   p[t] = exp(dt[t] A) C[t] dy[t] + exp(dt[t] A) p[t+1],
 * which is the same scan in reverse. The states are computed again, chunk by chunk.
 */
function gradientByChunks(inputs: SelectiveScanInputs, [dY, dState]: YAndState): Gradients<SelectiveScanInputs> {
  const a = tf.transpose(inputs.a);
  const chunks = chunksOf(inputs);
  const dYs = tokensFirst(
    dY,
    chunks.map(({ x }) => x.shape[0]!),
  ).map((piece) => tf.expandDims(piece, 2));
  const before: tf.Tensor[] = [inputs.initial];
  chunks.slice(0, -1).forEach((chunk, k) => before.push(scope(() => lastOf(chunkStates(chunk, a, before[k]!)))));

  let passed: tf.Tensor = dState;
  let dA: tf.Tensor = tf.zerosLike(a);
  const gradients = chunks.map((_, i) => {
    const k = chunks.length - 1 - i;
    const step = scope(() => chunkGradient(chunks[k]!, dYs[k]!, { a, d: inputs.d, before: before[k]!, passed, dA }));
    ({ passed, dA } = step);
    return step;
  });
  const joined = (name: 'x' | 'dt' | 'b' | 'c') => tf.concat(gradients.map((chunk) => chunk[name]).reverse(), 1);
  return {
    ...{ x: joined('x'), dt: joined('dt'), b: joined('b'), c: joined('c') },
    a: tf.transpose(dA),
    d: tf.sum(tf.mul(dY, inputs.x), [0, 1]),
    initial: passed,
  };
}

interface ChunkSurroundings {
  readonly a: tf.Tensor;
  readonly d: tf.Tensor;
  /** h before the chunk, what passes on to its last h from behind it, and the gradient of `a` so far. */
  readonly before: tf.Tensor;
  readonly passed: tf.Tensor;
  readonly dA: tf.Tensor;
}

function chunkGradient({ x, dt, b, c }: Chunk, dY: tf.Tensor, { a, d, before, passed, dA }: ChunkSurroundings) {
  const length = x.shape[0]!;
  const decays = tf.exp(tf.mul(dt, a));
  const input = tf.mul(dt, x);
  const after = scan(decays, tf.mul(input, b), before);
  const previous = joinRows(tf.expandDims(before, 0), rows(after, 0, length - 1));
  const direct = tf.mul(c, dY);
  const passing = tf.reverse(scan(tf.reverse(decays, 0), tf.reverse(tf.mul(decays, direct), 0), passed), 0);
  const dH = tf.add(direct, joinRows(rows(passing, 1, length - 1), tf.expandDims(passed, 0)));
  const dExponent = tf.mul(passing, previous);
  const dInput = tf.matMul(b, dH, true);
  const allStates = tf.onesLike(b);
  return {
    x: rowsFirst(tf.add(tf.mul(dInput, dt), tf.mul(d, dY))),
    dt: rowsFirst(tf.add(tf.matMul(allStates, tf.mul(dExponent, a), true), tf.mul(dInput, x))),
    b: rowsFirst(tf.matMul(dH, input, false, true)),
    c: rowsFirst(tf.matMul(after, dY, false, true)),
    dA: tf.add(dA, tf.sum(tf.mul(dExponent, dt), [0, 1])),
    passed: tf.squeeze(rows(passing, 0, 1), [0]),
  };
}

function rows(x: tf.Tensor, start: number, count: number): tf.Tensor {
  return tf.slice(x, [start, ...x.shape.slice(1).fill(0)], [count, ...x.shape.slice(1)]);
}

function joinRows(above: tf.Tensor, below: tf.Tensor): tf.Tensor {
  return tf.concat([above, below], 0);
}

function lastOf(states: tf.Tensor): tf.Tensor {
  return tf.squeeze(rows(states, states.shape[0]! - 1, 1), [0]);
}
