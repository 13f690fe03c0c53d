// The selective scan (ops/selective-scan.ts), a recurrence for every channel i and state n:
//   h[t] = exp(dt[t] A) h[t-1] + (dt[t] x[t]) B[t],   y[t] = h[t] . C[t] + D x[t]
// An invocation is a channel, its states are vectors of four in registers; 128 channels share the B and C of a tile of tokens.
// Segments of 256 tokens go in parallel. What each adds to a state that starts empty, and the sum of its dt, come first; a small
// second kernel carries the states from segment to segment; the third computes the outputs. Up to 256 tokens it is alone.
// Bytes at best: x, dt, B, C read, y written; beyond a segment x, dt, B once more. An exponential and four operations a token,
// channel and state, the exponential twice beyond a segment: bound by these at 16 states, by memory at fewer.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, unrolled, WORKGROUP } from './vectors.js';

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

const CHANNELS = 128;
const SEGMENT = 256;
/** Tokens whose B and C are in workgroup memory. */
const TILE = 16;
/** Tokens whose x and dt are read before the first of them is needed. */
const AT_ONCE = 4;

export function scanForward({ x, dt, a, b, c, d, initial }: ScanInputs): [y: tf.Tensor3D, state: tf.Tensor3D] {
  const [batch, length, channels] = x.shape;
  const states = a.shape[1];
  const segments = Math.ceil(length / SEGMENT);
  const blocks = Math.ceil(channels / CHANNELS);
  const starts = segments === 1 ? initial : segmentStarts({ x, dt, a, b, initial }, segments);
  const [y, state] = run({
    program: outputsProgram(states),
    inputs: [x, dt, a, b, c, d, starts],
    outputs: [{ shape: x.shape }, { shape: initial.shape }],
    uniforms: [length, channels, segments],
    workgroups: [blocks, segments, batch],
  });
  if (segments > 1) starts.dispose();
  return [y as tf.Tensor3D, state as tf.Tensor3D];
}

/** h before each segment, [B, segments, N, I]. */
function segmentStarts(
  { x, dt, a, b, initial }: Pick<ScanInputs, 'x' | 'dt' | 'a' | 'b' | 'initial'>,
  segments: number,
): tf.Tensor {
  const [batch, length, channels] = x.shape;
  const states = a.shape[1];
  const [starts, steps] = run({
    program: endsProgram(states),
    inputs: [x, dt, a, b],
    outputs: [{ shape: [batch, segments, states, channels] }, { shape: [batch, segments, channels] }],
    uniforms: [length, channels, segments],
    workgroups: [Math.ceil(channels / CHANNELS), segments - 1, batch],
  });
  run({
    program: carryProgram(states),
    inputs: [steps, a, initial],
    outputs: [],
    updates: [starts],
    uniforms: [initial.size, channels, segments],
    workgroups: workgroupsFor(initial.size, WORKGROUP),
  });
  steps.dispose();
  return starts;
}

/** Vectors of four states that hold them all; those behind the last are 0 and stay so. */
function vectorsOf(states: number): number {
  return Math.ceil(states / 4);
}

/** How a matrix with the states along its rows is bound, and `NAMEOf(row, vector)`, four states of it. */
function byStates(name: string, states: number): { element: string; reader: string } {
  if (states % 4 === 0)
    return {
      element: 'vec4<f32>',
      reader: `fn ${name}Of(row: u32, vector: u32) -> vec4<f32> { return ${name}[row * ${states / 4}u + vector]; }`,
    };
  return {
    element: 'f32',
    reader: `
fn ${name}Of(row: u32, vector: u32) -> vec4<f32> {
  var four = vec4<f32>();
  for (var k = 0u; k < min(4u, ${states}u - 4u * vector); k++) { four[k] = ${name}[row * ${states}u + 4u * vector + k]; }
  return four;
}`,
  };
}

/** The entry point, up to where a channel's A lies in a0, a1, ... (times log2 e: exp2 is the hardware's) and `first`, `past`. */
function main(states: number): string {
  return `
@compute @workgroup_size(${CHANNELS})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let inside = workgroup.x * ${CHANNELS}u + local < uniforms.channels;
  let channel = min(workgroup.x * ${CHANNELS}u + local, uniforms.channels - 1u);
  let segment = workgroup.y;
  let row = workgroup.z;
  let first = segment * ${SEGMENT}u;
  let past = min(first + ${SEGMENT}u, uniforms.length);
  let stateAt = ((row * uniforms.segments + segment) * ${states}u) * uniforms.channels + channel;
  ${unrolled(vectorsOf(states), (k) => `let a${k} = aOf(channel, ${k}u) * 1.4426950408889634;`)}`;
}

/** From `first` to `past`, token after token: `each` finds its `token` (beyond `past` with a dt of 0), `value` and `step`. */
function overTokens(states: number, tiles: readonly string[], each: (slot: string) => string): string {
  const vectors = vectorsOf(states);
  return `
  for (var tile = first; tile < past; tile += ${TILE}u) {
    workgroupBarrier();
    for (var at = local; at < ${TILE * vectors}u; at += ${CHANNELS}u) {
      let source = row * uniforms.length + min(tile + at / ${vectors}u, past - 1u);
      ${tiles.map((name) => `${name}Tile[at] = ${name}Of(source, at % ${vectors}u);`).join('\n      ')}
    }
    workgroupBarrier();
    for (var slot = 0u; slot < ${TILE}u; slot += ${AT_ONCE}u) {
      ${unrolled(
        AT_ONCE,
        (k) => `
      let token${k} = tile + slot + ${k}u;
      let at${k} = (row * uniforms.length + min(token${k}, past - 1u)) * uniforms.channels + channel;
      let value${k} = x[at${k}];
      let step${k} = select(0.0, dt[at${k}], token${k} < past);`,
      )}
      ${unrolled(
        AT_ONCE,
        (k) => `{
        let token = token${k};
        let at = at${k};
        let value = value${k};
        let step = step${k};
        ${each(`((slot + ${k}u) * ${vectors}u)`)}
      }`,
      )}
    }
  }`;
}

function tilesOf(names: readonly string[], states: number): string {
  return names.map((name) => `var<workgroup> ${name}Tile: array<vec4<f32>, ${TILE * vectorsOf(states)}>;`).join('\n');
}

/** h = exp(step A) h + (step value) B */
function advance(states: number, slot: string): string {
  return `let added = step * value;
        ${unrolled(vectorsOf(states), (k) => `h${k} = exp2(step * a${k}) * h${k} + added * bTile[${slot} + ${k}u];`)}`;
}

/** statement(h's n-th state, n) for all states */
function eachState(states: number, statement: (state: string, n: number) => string): string {
  return unrolled(states, (n) => statement(`h${Math.floor(n / 4)}.${'xyzw'[n % 4]}`, n));
}

function outputsProgram(states: number): Program {
  const vectors = vectorsOf(states);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => byStates(name, states));
  return {
    key: `selective-scan/outputs/${states}`,
    wgsl: () => `
${bindings(
  { x: 'f32', dt: 'f32', a: a!.element, b: b!.element, c: c!.element, d: 'f32', starts: 'f32' },
  { y: 'f32', last: 'f32' },
  'length: u32, channels: u32, segments: u32',
)}
${[a, b, c].map((matrix) => matrix!.reader).join('\n')}
${tilesOf(['b', 'c'], states)}
${main(states)}
  let skip = d[channel];
  ${unrolled(vectors, (k) => `var h${k} = vec4<f32>();`)}
  ${eachState(states, (state, n) => `${state} = starts[stateAt + ${n}u * uniforms.channels];`)}
  ${overTokens(
    states,
    ['b', 'c'],
    (slot) => `${advance(states, slot)}
        var read = h0 * cTile[${slot}];
        ${unrolled(vectors - 1, (k) => `read += h${k + 1} * cTile[${slot} + ${k + 1}u];`)}
        if (inside && token < past) { y[at] = (read.x + read.y) + (read.z + read.w) + skip * value; }`,
  )}
  if (inside && segment + 1u == uniforms.segments) {
    let end = row * ${states}u * uniforms.channels + channel;
    ${eachState(states, (state, n) => `last[end + ${n}u * uniforms.channels] = ${state};`)}
  }
}`,
  };
}

function endsProgram(states: number): Program {
  const [a, b] = ['a', 'b'].map((name) => byStates(name, states));
  return {
    key: `selective-scan/ends/${states}`,
    wgsl: () => `
${bindings(
  { x: 'f32', dt: 'f32', a: a!.element, b: b!.element },
  { ends: 'f32', steps: 'f32' },
  'length: u32, channels: u32, segments: u32',
)}
${[a, b].map((matrix) => matrix!.reader).join('\n')}
${tilesOf(['b'], states)}
${main(states)}
  var sum = 0.0;
  ${unrolled(vectorsOf(states), (k) => `var h${k} = vec4<f32>();`)}
  ${overTokens(states, ['b'], (slot) => `sum += step;\n        ${advance(states, slot)}`)}
  if (inside) {
    steps[(row * uniforms.segments + segment) * uniforms.channels + channel] = sum;
    ${eachState(states, (state, n) => `ends[stateAt + ${n}u * uniforms.channels] = ${state};`)}
  }
}`,
  };
}

/** The ends of the segments become their starts: one state of one channel an invocation. */
function carryProgram(states: number): Program {
  return {
    key: `selective-scan/carry/${states}`,
    wgsl: () => `
${bindings({ steps: 'f32', a: 'f32', initial: 'f32' }, { states: 'f32' }, 'count: u32, channels: u32, segments: u32')}
${perItem(`
  let channel = item % uniforms.channels;
  let n = item / uniforms.channels % ${states}u;
  let row = item / uniforms.channels / ${states}u;
  let rate = a[channel * ${states}u + n] * 1.4426950408889634;
  var h = initial[item];
  for (var segment = row * uniforms.segments; segment + 1u < (row + 1u) * uniforms.segments; segment++) {
    let at = (segment * ${states}u + n) * uniforms.channels + channel;
    let end = states[at];
    states[at] = h;
    h = exp2(rate * steps[segment * uniforms.channels + channel]) * h + end;
  }
  states[(((row + 1u) * uniforms.segments - 1u) * ${states}u + n) * uniforms.channels + channel] = h;`)}`,
  };
}

export function samples(): Program[] {
  return [16, 3].flatMap((states) => [outputsProgram(states), endsProgram(states), carryProgram(states)]);
}
