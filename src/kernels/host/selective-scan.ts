// The selective scan and its gradient as plain loops over the host's memory (the formulas: ops/selective-scan.ts). Token by
// token, with the channels innermost, so that every array is read in order; one exponential a token, channel and state.
// Sums over tokens and rows are taken in f64.
import type { TensorInfo } from '#tfjs';
import { exponentialOfNegative } from './exponential.js';
import { registerHostKernel, type HostMemory } from './host-memory.js';

/** Tokens between two states that the gradient keeps; those in between are computed again. */
const CHECKPOINT = 64;

/** x, dt [B, T, I], a [I, N], b, c [B, T, N], d [I], initial [B, N, I]. */
const INPUTS = ['x', 'dt', 'a', 'b', 'c', 'd', 'initial'] as const;
type Inputs = Readonly<Record<(typeof INPUTS)[number], TensorInfo>>;
type GradientInputs = Inputs & { readonly dY: TensorInfo; readonly dState: TensorInfo };

interface Dimensions {
  readonly batch: number;
  readonly length: number;
  readonly channels: number;
  readonly states: number;
}

/** One row of the batch. The arrays are views: x, dt [T, I], b, c [T, N]; a is [N, I]. */
interface Row {
  readonly x: Float32Array;
  readonly dt: Float32Array;
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly c: Float32Array;
  readonly d: Float32Array;
}

/** SelectiveScan -> y [B, T, I], h [B, N, I]. SelectiveScanGradient, with dY, dState of these -> as the inputs, in their order. */
export function registerSelectiveScan(): void {
  registerHostKernel('SelectiveScan', (inputs, memory) => scan(inputs as Inputs, memory));
  registerHostKernel('SelectiveScanGradient', (inputs, memory) => scanGradient(inputs as GradientInputs, memory));
}

function scan(inputs: Inputs, memory: HostMemory): TensorInfo[] {
  const size = dimensions(inputs);
  const { batch, length, channels, states } = size;
  const outputs = [memory.allocate(inputs.x.shape), memory.allocate(inputs.initial.shape)] as const;
  const [ys, hs] = [memory.floats(outputs[0]), memory.floats(outputs[1])];
  const initial = memory.floats(inputs.initial);
  const rows = rowsOf(inputs, size, memory);
  for (let index = 0; index < batch; index++) {
    const [y, h] = [part(ys, index, length * channels), part(hs, index, states * channels)];
    h.set(part(initial, index, states * channels));
    const row = rows(index);
    for (let t = 0; t < length; t++) {
      advance(row, t, h, h, size);
      read(row, t, h, y.subarray(t * channels, (t + 1) * channels), size);
    }
  }
  return [...outputs];
}

/** h[t] = exp(dt[t] A) h[t-1] + (dt[t] x[t]) B[t]; `next` may be `previous`. Where `decays` is given it gets exp(dt[t] A). */
function advance(
  { x, dt, a, b }: Row,
  t: number,
  previous: Float32Array,
  next: Float32Array,
  { channels, states }: Dimensions,
  decays?: Float32Array,
): void {
  const token = t * channels;
  for (let n = 0; n < states; n++) {
    const weight = b[t * states + n]!;
    for (let i = 0, at = n * channels; i < channels; i++, at++) {
      const step = dt[token + i]!;
      const decay = exponentialOfNegative(step * a[at]!);
      if (decays !== undefined) decays[at] = decay;
      next[at] = decay * previous[at]! + step * x[token + i]! * weight;
    }
  }
}

/** y[t] = h[t] . C[t] + D x[t] */
function read({ x, c, d }: Row, t: number, h: Float32Array, y: Float32Array, { channels, states }: Dimensions): void {
  for (let i = 0; i < channels; i++) y[i] = d[i]! * x[t * channels + i]!;
  for (let n = 0; n < states; n++) {
    const weight = c[t * states + n]!;
    for (let i = 0, at = n * channels; i < channels; i++, at++) y[i]! += weight * h[at]!;
  }
}

function scanGradient(inputs: GradientInputs, memory: HostMemory): TensorInfo[] {
  const size = dimensions(inputs);
  const { batch, length, channels, states } = size;
  const outputs = INPUTS.map((name) => memory.allocate(inputs[name].shape));
  const gradients = Object.fromEntries(INPUTS.map((name, k) => [name, memory.floats(outputs[k]!)])) as Record<
    keyof Inputs,
    Float32Array
  >;
  const [dYs, dStates] = [memory.floats(inputs.dY), memory.floats(inputs.dState)];
  const initial = memory.floats(inputs.initial);
  const rows = rowsOf(inputs, size, memory);
  const sums = { a: new Float64Array(states * channels), d: new Float64Array(channels) };
  const work = workspace(size);
  for (let index = 0; index < batch; index++) {
    const [dY, dState] = [part(dYs, index, length * channels), part(dStates, index, states * channels)];
    rowGradient(rows(index), part(initial, index, states * channels), dY, dState, size, work, {
      x: part(gradients.x, index, length * channels),
      dt: part(gradients.dt, index, length * channels),
      b: part(gradients.b, index, length * states),
      c: part(gradients.c, index, length * states),
      initial: part(gradients.initial, index, states * channels),
      sums,
    });
  }
  for (let i = 0; i < channels; i++) {
    gradients.d[i] = sums.d[i]!;
    for (let n = 0; n < states; n++) gradients.a[i * states + n] = sums.a[n * channels + i]!;
  }
  return outputs;
}

interface RowGradients {
  readonly x: Float32Array;
  readonly dt: Float32Array;
  readonly b: Float32Array;
  readonly c: Float32Array;
  readonly initial: Float32Array;
  /** Over all tokens and rows: a [N, I], d [I]. */
  readonly sums: { readonly a: Float64Array; readonly d: Float64Array };
}

interface Workspace {
  /** States before every CHECKPOINT-th token. */
  readonly checkpoints: Float32Array;
  /** States of one stretch, the one before it first, and its decays. */
  readonly states: Float32Array;
  readonly decays: Float32Array;
}

function workspace({ length, channels, states }: Dimensions): Workspace {
  const stretch = Math.min(length, CHECKPOINT);
  return {
    checkpoints: new Float32Array(Math.ceil(length / CHECKPOINT) * states * channels),
    states: new Float32Array((stretch + 1) * states * channels),
    decays: new Float32Array(stretch * states * channels),
  };
}

function rowGradient(
  row: Row,
  initial: Float32Array,
  dY: Float32Array,
  dState: Float32Array,
  size: Dimensions,
  work: Workspace,
  gradients: RowGradients,
): void {
  const { length, channels, states } = size;
  const stateSize = states * channels;
  const h = initial.slice();
  for (let t = 0; t < length; t++) {
    if (t % CHECKPOINT === 0) work.checkpoints.set(h, (t / CHECKPOINT) * stateSize);
    advance(row, t, h, h, size);
  }

  /** exp(dt[t+1] A) times the gradient of h[t+1]: what h[t] gets from what follows. */
  const carried = gradients.initial;
  carried.set(dState);
  for (let start = Math.floor((length - 1) / CHECKPOINT) * CHECKPOINT; start >= 0; start -= CHECKPOINT) {
    const end = Math.min(start + CHECKPOINT, length);
    work.states.set(part(work.checkpoints, start / CHECKPOINT, stateSize));
    for (let t = start; t < end; t++) {
      const k = t - start;
      const next = part(work.states, k + 1, stateSize);
      advance(row, t, part(work.states, k, stateSize), next, size, part(work.decays, k, stateSize));
    }
    for (let t = end - 1; t >= start; t--) {
      const k = t - start;
      const before = part(work.states, k, stateSize);
      const after = part(work.states, k + 1, stateSize);
      tokenGradient(row, t, before, after, part(work.decays, k, stateSize), dY, carried, size, gradients);
    }
  }
}

function tokenGradient(
  { x, dt, a, b, c, d }: Row,
  t: number,
  before: Float32Array,
  after: Float32Array,
  decays: Float32Array,
  dY: Float32Array,
  carried: Float32Array,
  { channels, states }: Dimensions,
  gradients: RowGradients,
): void {
  const token = t * channels;
  const { sums } = gradients;
  for (let i = token; i < token + channels; i++) gradients.x[i] = gradients.dt[i] = 0;
  for (let n = 0; n < states; n++) {
    const inputWeight = b[t * states + n]!;
    const outputWeight = c[t * states + n]!;
    let dB = 0;
    let dC = 0;
    for (let i = 0, at = n * channels; i < channels; i++, at++) {
      const step = dt[token + i]!;
      const dH = outputWeight * dY[token + i]! + carried[at]!;
      const passed = decays[at]! * dH;
      const dExponent = passed * before[at]!;
      dC += after[at]! * dY[token + i]!;
      dB += dH * step * x[token + i]!;
      // x collects the gradient of dt x, until the last state has added its part.
      gradients.x[token + i]! += dH * inputWeight;
      gradients.dt[token + i]! += dExponent * a[at]!;
      sums.a[at]! += dExponent * step;
      carried[at] = passed;
    }
    gradients.b[t * states + n] = dB;
    gradients.c[t * states + n] = dC;
  }
  for (let i = 0; i < channels; i++) {
    const dInput = gradients.x[token + i]!;
    gradients.dt[token + i]! += dInput * x[token + i]!;
    gradients.x[token + i] = dInput * dt[token + i]! + d[i]! * dY[token + i]!;
    sums.d[i]! += dY[token + i]! * x[token + i]!;
  }
}

function dimensions({ x, b }: Inputs): Dimensions {
  const [batch, length, channels] = x.shape as [number, number, number];
  return { batch, length, channels, states: b.shape[2]! };
}

/** The inputs of a row of the batch, by its index. */
function rowsOf(inputs: Inputs, { length, channels, states }: Dimensions, memory: HostMemory): (index: number) => Row {
  const [x, dt, b, c, d] = [inputs.x, inputs.dt, inputs.b, inputs.c, inputs.d].map((tensor) =>
    memory.floats(tensor),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
  const stored = memory.floats(inputs.a);
  const a = new Float32Array(states * channels);
  for (let i = 0; i < channels; i++) for (let n = 0; n < states; n++) a[n * channels + i] = stored[i * states + n]!;
  return (index) => ({
    x: part(x, index, length * channels),
    dt: part(dt, index, length * channels),
    a,
    b: part(b, index, length * states),
    c: part(c, index, length * states),
    d,
  });
}

/** The `index`-th stretch of `size` elements. */
function part(values: Float32Array, index: number, size: number): Float32Array {
  return values.subarray(index * size, (index + 1) * size);
}
