// What the selective scan (selective-scan.ts) and its gradient are made of: the way through a segment of the tokens, and the states
// between segments, which go in parallel. What each segment adds to a state that starts empty, and the sum of its dt, come first; a
// small second kernel carries the states from segment to segment. Forwards they are h before each segment; backwards, with g[t] the
// gradient of h[t],
//   p[t] = exp(dt[t] A) g[t],   g[t] = C[t] dy[t] + p[t + 1],
// they are p behind each segment. An invocation has four states of one or two channels in registers. A tile of tokens, its x, dt, B
// (and C), lies in workgroup memory; what the tiles behind it need is read two tiles before.
// Bytes: x (dy), dt and B (C) read. An exponential and three operations a token, channel and state.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, unrolled, WORKGROUP } from './vectors.js';

/** exp(x) = exp2(x log2 e), which the hardware has. */
export const LOG2_E = 1.4426950408889634;

/** What a kernel's text depends on. */
export interface ScanForm {
  readonly states: number;
  /** Channels of an invocation, side by side. */
  readonly pair: 1 | 2;
  /** Tokens in a segment. */
  readonly segment: number;
  readonly backwards: boolean;
}

/** Where the states of one direction go: into the `part`-th [B, segments, N, I] of `boundaries`. */
export interface Boundaries {
  readonly boundaries: tf.Tensor;
  readonly part: number;
}

/**
 * The states between the segments: h forwards, from x and B; p backwards, from dy and C. x [B, T, I], dt [B, T, I], a [I, N],
 * b [B, T, N]; `start` [B, N, I] is before the first of them. Backwards it gives p before the first token, [B, N, I].
 */
export function carryStates(
  { x, dt, a, b, start }: Record<'x' | 'dt' | 'a' | 'b' | 'start', tf.Tensor>,
  { boundaries, part }: Boundaries,
  { segment, backwards }: Pick<ScanForm, 'segment' | 'backwards'>,
): tf.Tensor | null {
  const [batch, length, channels] = x.shape as [number, number, number];
  const form = { states: a.shape[1]!, pair: pairOf(channels), segment, backwards };
  const width = channels / form.pair;
  const segments = Math.ceil(length / segment);
  const offset = part * segments * start.size;
  const [steps] = run({
    program: endsProgram(form),
    inputs: [x, dt, a, b],
    outputs: [{ shape: [batch, segments, channels] }],
    updates: [boundaries],
    uniforms: [length, width, segments, offset / form.pair],
    // Forwards, no state follows the last segment.
    workgroups: [Math.ceil(width / tilingOf(form).lanes), backwards ? segments : segments - 1, batch],
  });
  const [first = null] = run({
    program: carryProgram(form),
    inputs: [steps, a, start],
    outputs: backwards ? [{ shape: start.shape }] : [],
    updates: [boundaries],
    uniforms: [start.size, channels, segments, offset],
    workgroups: workgroupsFor(start.size, WORKGROUP),
  });
  steps.dispose();
  return first;
}

export function pairOf(channels: number): 1 | 2 {
  return channels % 2 === 0 ? 2 : 1;
}

/** Vectors of four states that hold them all; those behind the last are 0 and stay so. */
export function vectorsOf(states: number): number {
  return Math.ceil(states / 4);
}

/**
 * A workgroup has `lanes` channels (or pairs of them), each in an invocation for every vector of states. A tile of tokens is small
 * enough that an invocation reads at most one vector of its B, and that it takes little workgroup memory.
 */
export function tilingOf({ states }: Pick<ScanForm, 'states'>) {
  const vectors = vectorsOf(states);
  const lanes =
    [128, 64, 32, 16].find((lanes) => lanes * vectors <= 128) ?? Math.max(1, Math.floor(WORKGROUP / vectors));
  const tile = [8, 4, 2].find((tile) => tile <= lanes && (tile <= 4 || vectors <= 8)) ?? 1;
  return { vectors, lanes, invocations: lanes * vectors, tile };
}

/** How a matrix with the states along its rows is bound, and `NAMEOf(row, vector)`, four states of it. */
export function byStates(name: string, states: number): { element: string; reader: string } {
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

/** `real`: the channels of an invocation. */
export function channelsOf(pair: 1 | 2): string {
  return `alias real = ${pair === 1 ? 'f32' : 'vec2<f32>'};`;
}

/** body(i, the i-th channel of a `real` that is named) for an invocation's channels */
export function eachChannel(pair: 1 | 2, body: (i: number, of: (name: string) => string) => string): string {
  return unrolled(pair, (i) => body(i, (name) => (pair === 1 ? name : `${name}[${i}]`)));
}

/** The entry point, up to where A lies in rate0, rate1 (times log2 e), and the `first` token, of `count` in so many `segments`. */
export function main(form: ScanForm, segments = '1u'): string {
  const { lanes, invocations } = tilingOf(form);
  return `
@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let lane = local % ${lanes}u;
  let vector = local / ${lanes}u;
  let inside = workgroup.x * ${lanes}u + lane < uniforms.width;
  let channel = min(workgroup.x * ${lanes}u + lane, uniforms.width - 1u);
  let segment = workgroup.y * ${segments};
  let row = workgroup.z;
  let first = segment * ${form.segment}u;
  let count = min(${segments} * ${form.segment}u, uniforms.length - first);
  let stateAt = ((row * uniforms.segments + segment) * ${form.states}u) * uniforms.width + channel;
  ${eachChannel(form.pair, (i) => `let rate${i} = aOf(channel * ${form.pair}u + ${i}u, vector) * ${LOG2_E};`)}`;
}

/**
 * Token after token of the segment: `each` finds its `value` and `step`, 0 behind the last. Behind the barrier of a tile, `after` finds
 * its first of the `tokens`. The invocations share the reading, two tiles before a tile is needed; a step stores what was read
 * two steps before.
 */
export function overTokens(
  form: ScanForm,
  tiles: readonly string[],
  each: (slot: string, k: number) => string,
  after?: string,
): string {
  const { vectors, lanes, tile } = tilingOf(form);
  const place = (token: string) =>
    form.backwards ? `(count - 1u - min(${token}, count - 1u))` : `min(${token}, count - 1u)`;
  /** body(j, k) for the tokens k of a tile whose x and dt an invocation reads */
  const own = (body: (j: number, k: string) => string) =>
    unrolled(Math.ceil(tile / vectors), (j) => {
      const text = body(j, `(vector + ${j * vectors}u)`);
      return tile % vectors === 0 ? text : `if (vector + ${j * vectors}u < ${tile}u) { ${text} }`;
    });
  const read = (side: number, from: string) => `
    ${own((j, k) => `{ let at = begin + ${place(`${from} + ${k}`)} * uniforms.width; value${side}x${j} = x[at]; step${side}x${j} = dt[at]; }`)}
    if (local < ${tile * vectors}u) {
      let source = row * uniforms.length + first + ${place(`${from} + local / ${vectors}u`)};
      ${tiles.map((name) => `${name}${side} = ${name}Of(source, local % ${vectors}u);`).join('\n      ')}
    }`;
  const keep = (side: number, from: string) => `
    ${own(
      (j, k) => `{
      let exists = ${from} + ${k} < count;
      values[(${side * tile}u + ${k}) * ${lanes}u + lane] = select(real(0.0), value${side}x${j}, exists);
      dts[(${side * tile}u + ${k}) * ${lanes}u + lane] = select(real(0.0), step${side}x${j}, exists);
    }`,
    )}
    if (local < ${tile * vectors}u) {
      ${tiles.map((name) => `${name}Tile[${side * tile * vectors}u + local] = ${name}${side};`).join('\n      ')}
    }`;
  const step = (side: number) => `
    ${keep(1 - side, `tokens + ${tile}u`)}
    ${read(1 - side, `tokens + ${3 * tile}u`)}
    ${unrolled(
      tile,
      (k) => `{
      let value = values[${(side * tile + k) * lanes}u + lane];
      let step = dts[${(side * tile + k) * lanes}u + lane];
      ${each(`${(side * tile + k) * vectors}u + vector`, k)}
    }`,
    )}
    workgroupBarrier();
    ${after === undefined ? '' : `${after}\n    workgroupBarrier();`}
    tokens += ${tile}u;`;
  const sides = [0, 1];
  return `
  let begin = (row * uniforms.length + first) * uniforms.width + channel;
  ${sides.map((side) => declared(Math.ceil(tile / vectors), side)).join('\n  ')}
  ${sides.flatMap((side) => tiles.map((name) => `var ${name}${side}: vec4<f32>;`)).join('\n  ')}
  ${read(0, '0u')}
  ${keep(0, '0u')}
  ${read(1, `${tile}u`)}
  ${read(0, `${2 * tile}u`)}
  workgroupBarrier();
  var tokens = 0u;
  while (tokens < count) {
    ${step(0)}
    if (tokens >= count) { break; }
    ${step(1)}
  }`;
}

function declared(count: number, side: number): string {
  return unrolled(count, (j) => `var value${side}x${j}: real;\n  var step${side}x${j}: real;`);
}

/** The workgroup memory of `overTokens`. */
export function tilesOf(names: readonly string[], form: ScanForm): string {
  const { vectors, lanes, tile } = tilingOf(form);
  return [
    ...names.map((name) => `var<workgroup> ${name}Tile: array<vec4<f32>, ${2 * tile * vectors}>;`),
    ...['values', 'dts'].map((name) => `var<workgroup> ${name}: array<real, ${2 * tile * lanes}>;`),
  ].join('\n');
}

/**
 * h = exp(step A) h + (step value) B, also for what is named beside h. That the product is added in one rounding is said, so that all
 * kernels have the same bits.
 */
export function advance({ pair }: ScanForm, slot: string, ...beside: string[]): string {
  return `let b = bTile[${slot}];
      ${eachChannel(
        pair,
        (i, of) => `{
        let decay = exp2(${of('step')} * rate${i});
        let input = (${of('step')} * ${of('value')}) * b;
        ${['h', ...beside].map((name) => `${name}${i} = fma(decay, ${name}${i}, input);`).join('\n        ')}
      }`,
      )}`;
}

/** h = exp(step A) (h + value C): h is p, value is dy, and b is C. */
function goBack({ pair }: ScanForm, slot: string): string {
  return `let b = bTile[${slot}];
      ${eachChannel(pair, (i, of) => `h${i} = exp2(${of('step')} * rate${i}) * (h${i} + ${of('value')} * b);`)}`;
}

/** statement(k, n, the k-th states of an invocation's channels) for those of its four states that exist */
export function eachState(
  { states, pair }: ScanForm,
  statement: (n: string, state: string, k: number) => string,
): string {
  return unrolled(4, (k) => {
    const n = `(4u * vector + ${k}u)`;
    const text = statement(n, `real(${Array.from({ length: pair }, (_, i) => `h${i}[${k}]`).join(', ')})`, k);
    return states % 4 === 0 ? text : `if (${n} < ${states}u) { ${text} }`;
  });
}

function keyOf(kernel: string, { states, pair, segment, backwards }: ScanForm): string {
  return `selective-scan/${kernel}/${states}/${pair}/${segment}/${backwards ? 'backwards' : 'forwards'}`;
}

function endsProgram(form: ScanForm): Program {
  const { states, pair, backwards } = form;
  const [a, b] = ['a', 'b'].map((name) => byStates(name, states));
  return {
    key: keyOf('ends', form),
    wgsl: () => `
${channelsOf(pair)}
${bindings(
  { x: 'real', dt: 'real', a: a!.element, b: b!.element },
  { steps: 'real', boundaries: 'real' },
  'length: u32, width: u32, segments: u32, offset: u32',
)}
${[a, b].map((matrix) => matrix!.reader).join('\n')}
${tilesOf(['b'], form)}
${main(form)}
  var sum = real(0.0);
  ${unrolled(pair, (i) => `var h${i} = vec4<f32>();`)}
  ${overTokens(form, ['b'], (slot) => `sum += step;\n      ${(backwards ? goBack : advance)(form, slot)}`)}
  if (inside) {
    if (vector == 0u) { steps[(row * uniforms.segments + segment) * uniforms.width + channel] = sum; }
    ${eachState(form, (n, state) => `boundaries[uniforms.offset + stateAt + ${n} * uniforms.width] = ${state};`)}
  }
}`,
  };
}

/** The segments' ends become their starts: one state of one channel an invocation. */
function carryProgram(form: ScanForm): Program {
  const { states, backwards } = form;
  const { order, outputs, behind } = backwards
    ? {
        order:
          'for (var place = uniforms.segments; place > 0u; place--) { let segment = row * uniforms.segments + place - 1u;',
        outputs: { first: 'f32' },
        behind: 'first[item] = h;',
      }
    : {
        order:
          'for (var place = 0u; place + 1u < uniforms.segments; place++) { let segment = row * uniforms.segments + place;',
        outputs: {},
        behind: 'boundaries[placeOf((row + 1u) * uniforms.segments - 1u, n, channel)] = h;',
      };
  return {
    key: `selective-scan/carry/${states}/${backwards ? 'backwards' : 'forwards'}`,
    wgsl: () => `
${bindings(
  { steps: 'f32', a: 'f32', start: 'f32' },
  { ...outputs, boundaries: 'f32' },
  'count: u32, channels: u32, segments: u32, offset: u32',
)}
fn placeOf(segment: u32, n: u32, channel: u32) -> u32 {
  return uniforms.offset + (segment * ${states}u + n) * uniforms.channels + channel;
}
${perItem(`
  let channel = item % uniforms.channels;
  let n = item / uniforms.channels % ${states}u;
  let row = item / uniforms.channels / ${states}u;
  let rate = a[channel * ${states}u + n] * ${LOG2_E};
  var h = start[item];
  ${order}
    let end = boundaries[placeOf(segment, n, channel)];
    boundaries[placeOf(segment, n, channel)] = h;
    h = fma(exp2(rate * steps[segment * uniforms.channels + channel]), h, end);
  }
  ${behind}`)}`,
  };
}

export function samples(): Program[] {
  return ([16, 3] as const).flatMap((states) =>
    [
      { states, pair: 2 as const, segment: 256, backwards: false },
      { states, pair: 1 as const, segment: 128, backwards: true },
    ].flatMap((form) => [endsProgram(form), carryProgram(form)]),
  );
}
