// The selective scan (ops/selective-scan.ts), a recurrence for every channel i and state n:
//   h[t] = exp(dt[t] A) h[t-1] + (dt[t] x[t]) B[t],   y[t] = h[t] . C[t] + D x[t]
// Segments of 256 tokens go in parallel, from the states between them (selective-scan-segments.ts); up to 256 tokens there are none.
// An invocation is a channel, its states are vectors of four in registers; 128 channels share the B and C of a tile of tokens.
// Bytes at best: x, dt, B, C read, y written; beyond a segment x, dt, B once more. An exponential and four operations a token,
// channel and state, the exponential twice beyond a segment: bound by these at 16 states, by memory at fewer.
import type * as tf from '#tfjs';
import { run, uninitialised, type Program } from './runner.js';
import {
  advance,
  byStates,
  carryStates,
  CHANNELS,
  eachState,
  main,
  overTokens,
  tilesOf,
  vectorsOf,
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

const FORWARDS = { segment: 256, backwards: false };

export function scanForward({ x, dt, a, b, c, d, initial }: ScanInputs): [y: tf.Tensor3D, state: tf.Tensor3D] {
  const [batch, length, channels] = x.shape;
  const states = a.shape[1];
  const segments = Math.ceil(length / FORWARDS.segment);
  const starts = segments === 1 ? initial : uninitialised([batch, segments, states, channels]);
  if (segments > 1) carryStates({ x, dt, a, b, start: initial }, { boundaries: starts, part: 0 }, FORWARDS);
  const [y, state] = run({
    program: programOf({ states, ...FORWARDS }),
    inputs: [x, dt, a, b, c, d, starts],
    outputs: [{ shape: x.shape }, { shape: initial.shape }],
    uniforms: [length, channels, segments],
    workgroups: [Math.ceil(channels / CHANNELS), segments, batch],
  });
  if (segments > 1) starts.dispose();
  return [y as tf.Tensor3D, state as tf.Tensor3D];
}

function programOf(form: ScanForm): Program {
  const { states } = form;
  const vectors = vectorsOf(states);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => byStates(name, states));
  return {
    key: `selective-scan/${states}`,
    wgsl: () => `
${bindings(
  { x: 'f32', dt: 'f32', a: a!.element, b: b!.element, c: c!.element, d: 'f32', starts: 'f32' },
  { y: 'f32', last: 'f32' },
  'length: u32, channels: u32, segments: u32',
)}
${[a, b, c].map((matrix) => matrix!.reader).join('\n')}
${tilesOf(['b', 'c'], states)}
${main(form)}
  let skip = d[channel];
  ${unrolled(vectors, (k) => `var h${k} = vec4<f32>();`)}
  ${eachState(states, (state, n) => `${state} = starts[stateAt + ${n}u * uniforms.channels];`)}
  ${overTokens(
    form,
    ['b', 'c'],
    (slot) => `${advance(form, slot)}
        var read = h0 * cTile[${slot}];
        ${unrolled(vectors - 1, (k) => `read += h${k + 1} * cTile[${slot} + ${k + 1}u];`)}
        if (inside && exists) { y[at] = (read.x + read.y) + (read.z + read.w) + skip * value; }`,
  )}
  if (inside && segment + 1u == uniforms.segments) {
    let end = row * ${states}u * uniforms.channels + channel;
    ${eachState(states, (state, n) => `last[end + ${n}u * uniforms.channels] = ${state};`)}
  }
}`,
  };
}

export function samples(): Program[] {
  return [16, 3].map((states) => programOf({ states, ...FORWARDS }));
}
