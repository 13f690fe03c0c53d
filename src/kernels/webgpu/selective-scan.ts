// The selective scan (ops/selective-scan.ts), a recurrence for every channel i and state n:
//   h[t] = exp(dt[t] A) h[t-1] + (dt[t] x[t]) B[t],   y[t] = h[t] . C[t] + D x[t]
// Segments of 256 tokens go in runs, one segment after the other, and runs in parallel, from the states between the segments
// (selective-scan-segments.ts), for which exponentials are computed twice: so there are only as many runs as fill the device, and of one
// run none are. A run does what the segments by themselves would: beside h it has what its segment adds to a state that starts empty,
// and from both and the sum of dt comes the next segment's first state. So the bits of a row do not depend on how many runs there are,
// nor on the batch.
// An invocation has four states of a channel; the invocations of a channel leave what they add to y in workgroup memory, where the
// sums of a tile of tokens are taken behind a barrier.
// Bytes at best: x, dt, B, C read, y written; where there are runs x, dt, B once more. An exponential and five operations a token,
// channel and state. Bound by what is read from workgroup memory (B and C for every channel), then by exponentials.
import type * as tf from '#tfjs';
import { run, uninitialised, type Program } from './runner.js';
import {
  advance,
  byStates,
  carryStates,
  channelsOf,
  eachState,
  main,
  overTokens,
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

const FORWARDS = { segment: 256, backwards: false };
/** Invocations that fill a device. */
const ENOUGH = 2 ** 16;

export function scanForward({ x, dt, a, b, c, d, initial }: ScanInputs): [y: tf.Tensor3D, state: tf.Tensor3D] {
  const [batch, length, channels] = x.shape;
  const form: ScanForm = { states: a.shape[1], pair: 1, ...FORWARDS };
  const { vectors, lanes } = tilingOf(form);
  const segments = Math.ceil(length / form.segment);
  const runLength = Math.ceil(segments / Math.min(segments, Math.ceil(ENOUGH / (batch * channels * vectors))));
  const runs = Math.ceil(segments / runLength);
  const starts = runs === 1 ? initial : uninitialised([batch, segments, form.states, channels]);
  if (runs > 1) carryStates({ x, dt, a, b, start: initial }, { boundaries: starts, part: 0 }, FORWARDS);
  const [y, state] = run({
    program: programOf(form),
    inputs: [x, dt, a, b, c, d, starts],
    outputs: [{ shape: x.shape }, { shape: initial.shape }],
    uniforms: [length, channels, runs === 1 ? 1 : segments, runLength],
    workgroups: [Math.ceil(channels / lanes), runs, batch],
  });
  if (runs > 1) starts.dispose();
  return [y as tf.Tensor3D, state as tf.Tensor3D];
}

function programOf(form: ScanForm): Program {
  const { states } = form;
  const { vectors, lanes, invocations, tile } = tilingOf(form);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => byStates(name, states));
  return {
    key: `selective-scan/${states}/${form.segment}`,
    wgsl: () => `
${channelsOf(form.pair)}
${bindings(
  { x: 'real', dt: 'real', a: a!.element, b: b!.element, c: c!.element, d: 'real', starts: 'real' },
  { y: 'real', last: 'real' },
  'length: u32, width: u32, segments: u32, run: u32',
)}
${[a, b, c].map((matrix) => matrix!.reader).join('\n')}
${tilesOf(['b', 'c'], form)}
// Of a tile of tokens: what each invocation adds to y.
var<workgroup> shares: array<real, ${tile * invocations}>;
${main(form, 'uniforms.run')}
  let skip = select(0.0, d[channel], vector == 0u);
  var h0 = vec4<f32>();
  ${eachState(form, (n, _, k) => `h0[${k}] = starts[stateAt + ${n} * uniforms.width];`)}
  var before = h0;
  var added0 = vec4<f32>();
  var sum = 0.0;
  ${overTokens(
    form,
    ['b', 'c'],
    (slot, k) => `${advance(form, slot, 'added')}
      sum += step;
      let c = cTile[${slot}];
      let read = (((skip * value + h0.x * c.x) + h0.y * c.y) + h0.z * c.z) + h0.w * c.w;
      shares[${k * invocations}u + local] = read;`,
    `${unrolled(
      Math.ceil(tile / vectors),
      (k) => `{
      let k = vector + ${k * vectors}u;
      if (inside && k < ${tile}u && tokens + k < count) {
        let share = k * ${invocations}u + lane;
        var y0 = shares[share];
        ${unrolled(vectors - 1, (v) => `y0 += shares[share + ${(v + 1) * lanes}u];`)}
        y[begin + (tokens + k) * uniforms.width] = y0;
      }
    }`,
    )}
    if ((tokens + ${tile}u) % ${form.segment}u == 0u) {
      h0 = fma(exp2(rate0 * sum), before, added0);
      before = h0;
      added0 = vec4<f32>();
      sum = 0.0;
    }`,
  )}
  if (inside && first + count == uniforms.length) {
    let end = row * ${states}u * uniforms.width + channel;
    ${eachState(form, (n, state) => `last[end + ${n} * uniforms.width] = ${state};`)}
  }
}`,
  };
}

export function samples(): Program[] {
  return [16, 3].map((states) => programOf({ states, pair: 1, ...FORWARDS }));
}
