// The selective scan (ops/selective-scan.ts), a recurrence for every channel i and state n:
//   h[t] = exp(dt[t] A) h[t-1] + (dt[t] x[t]) B[t],   y[t] = h[t] . C[t] + D x[t]
// Exponentials bound it at 16 states, so that as few as possible are computed twice: up to 4,096 tokens none are. Longer rows go in
// segments of so many, in parallel, from the states between them (selective-scan-segments.ts). The length of a segment is always the same,
// so that the bits of a row do not depend on the batch.
// An invocation has four states of one or two channels; the invocations of a channel leave what they add to y in workgroup memory,
// where the sums of a tile of tokens are taken behind one barrier.
// Bytes at best: x, dt, B, C read, y written; beyond a segment x, dt, B once more. An exponential and four operations a token,
// channel and state.
import type * as tf from '#tfjs';
import { run, uninitialised, type Program } from './runner.js';
import {
  advance,
  byStates,
  carryStates,
  channelsOf,
  eachChannel,
  eachState,
  main,
  overTokens,
  pairOf,
  tilesOf,
  tilingOf,
  type ScanForm,
} from './selective-scan-segments.js';
import { bindings, unrolled } from './vectors.js';

/** As `SelectiveScanInputs`. */
export interface ScanInputs {
  readonly x: tf.Tensor3D;
  readonly dt: tf.Tensor3D;
  readonly a: tf.Tensor2D;
  readonly b: tf.Tensor3D;
  readonly c: tf.Tensor3D;
  readonly d: tf.Tensor;
  readonly initial: tf.Tensor3D;
}

const FORWARDS = { segment: 4096, backwards: false };

export function scanForward({ x, dt, a, b, c, d, initial }: ScanInputs): [y: tf.Tensor3D, state: tf.Tensor3D] {
  const [batch, length, channels] = x.shape;
  const form = { states: a.shape[1], pair: pairOf(channels), ...FORWARDS };
  const width = channels / form.pair;
  const segments = Math.ceil(length / form.segment);
  const starts = segments === 1 ? initial : uninitialised([batch, segments, form.states, channels]);
  if (segments > 1) carryStates({ x, dt, a, b, start: initial }, { boundaries: starts, part: 0 }, FORWARDS);
  const [y, state] = run({
    program: programOf(form),
    inputs: [x, dt, a, b, c, d, starts],
    outputs: [{ shape: x.shape }, { shape: initial.shape }],
    uniforms: [length, width, segments],
    workgroups: [Math.ceil(width / tilingOf(form).lanes), segments, batch],
  });
  if (segments > 1) starts.dispose();
  return [y as tf.Tensor3D, state as tf.Tensor3D];
}

function programOf(form: ScanForm): Program {
  const { states, pair } = form;
  const { vectors, lanes, invocations, tile } = tilingOf(form);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => byStates(name, states));
  const read = (i: number) => ['x', 'y', 'z', 'w'].reduce((sum, n) => `(${sum} + h${i}.${n} * c.${n})`, `read${i}`);
  const token = (k: number) => (vectors === 1 ? `${k}u` : `vector + ${k * vectors}u`);
  return {
    key: `selective-scan/${states}/${pair}/${form.segment}`,
    wgsl: () => `
${channelsOf(pair)}
${bindings(
  { x: 'real', dt: 'real', a: a!.element, b: b!.element, c: c!.element, d: 'real', starts: 'real' },
  { y: 'real', last: 'real' },
  'length: u32, width: u32, segments: u32',
)}
${[a, b, c].map((matrix) => matrix!.reader).join('\n')}
${tilesOf(['b', 'c'], form)}
// Of a tile of tokens: what each invocation adds to y.
var<workgroup> shares: array<real, ${tile * invocations}>;
${main(form)}
  let skip = select(real(0.0), d[channel], vector == 0u);
  ${unrolled(pair, (i) => `var h${i} = vec4<f32>();`)}
  ${eachState(form, (n, _, k) => `{ let start = starts[stateAt + ${n} * uniforms.width]; ${eachChannel(pair, (i, of) => `h${i}[${k}] = ${of('start')};`)} }`)}
  ${overTokens(
    form,
    ['b', 'c'],
    (slot, k) => `${advance(form, slot)}
      let c = cTile[${slot}];
      ${eachChannel(pair, (i, of) => `let read${i} = ${of('skip')} * ${of('value')};`)}
      shares[${k * invocations}u + local] = real(${Array.from({ length: pair }, (_, i) => read(i)).join(', ')});`,
    unrolled(
      Math.ceil(tile / vectors),
      (k) => `
    if (inside && ${token(k)} < ${tile}u && tokens + ${token(k)} < count) {
      let share = (${token(k)}) * ${invocations}u + lane;
      var sum = shares[share];
      ${unrolled(vectors - 1, (v) => `sum += shares[share + ${(v + 1) * lanes}u];`)}
      y[begin + (tokens + ${token(k)}) * uniforms.width] = sum;
    }`,
    ),
  )}
  if (inside && segment + 1u == uniforms.segments) {
    let end = row * ${states}u * uniforms.width + channel;
    ${eachState(form, (n, state) => `last[end + ${n} * uniforms.width] = ${state};`)}
  }
}`,
  };
}

export function samples(): Program[] {
  return [programOf({ states: 16, pair: 2, ...FORWARDS }), programOf({ states: 3, pair: 1, ...FORWARDS })];
}
