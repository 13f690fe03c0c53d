// What the selective scan (selective-scan.ts) and its gradient are made of: the states between segments of the tokens, which go in
// parallel. What each segment adds to a state that starts empty, and the sum of its dt, come first; a small second kernel carries
// the states from segment to segment. Forwards they are h before each segment; backwards, with g[t] the gradient of h[t],
//   p[t] = exp(dt[t] A) g[t],   g[t] = C[t] dy[t] + p[t + 1],
// they are p behind each segment. An invocation is a channel, its states are vectors of four in registers; 128 channels share
// the B or C of a tile of tokens. Bytes: x (dy), dt and B (C) read. An exponential and three operations a token, channel and state.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, unrolled, WORKGROUP } from './vectors.js';

export const CHANNELS = 128;
/** Tokens whose B and C are in workgroup memory. */
const TILE = 16;
/** Tokens whose x and dt are read before the first of them is needed. */
const AT_ONCE = 4;
/** exp(x) = exp2(x log2 e), which the hardware has. */
export const LOG2_E = 1.4426950408889634;

/** What a kernel's text depends on. */
export interface ScanForm {
  readonly states: number;
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
  { segment, backwards }: Omit<ScanForm, 'states'>,
): tf.Tensor | null {
  const [batch, length, channels] = x.shape as [number, number, number];
  const form = { states: a.shape[1]!, segment, backwards };
  const segments = Math.ceil(length / segment);
  const offset = part * segments * start.size;
  const [steps] = run({
    program: endsProgram(form),
    inputs: [x, dt, a, b],
    outputs: [{ shape: [batch, segments, channels] }],
    updates: [boundaries],
    uniforms: [length, channels, segments, offset],
    // Forwards, no state follows the last segment.
    workgroups: [Math.ceil(channels / CHANNELS), backwards ? segments : segments - 1, batch],
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

/** Vectors of four states that hold them all; those behind the last are 0 and stay so. */
export function vectorsOf(states: number): number {
  return Math.ceil(states / 4);
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

/** The entry point, up to where a channel's A lies in a0, a1, ... (times log2 e), and the `first` token, of `count`. */
export function main({ states, segment }: ScanForm): string {
  return `
@compute @workgroup_size(${CHANNELS})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let inside = workgroup.x * ${CHANNELS}u + local < uniforms.channels;
  let channel = min(workgroup.x * ${CHANNELS}u + local, uniforms.channels - 1u);
  let segment = workgroup.y;
  let row = workgroup.z;
  let first = segment * ${segment}u;
  let count = min(${segment}u, uniforms.length - first);
  let stateAt = ((row * uniforms.segments + segment) * ${states}u) * uniforms.channels + channel;
  ${unrolled(vectorsOf(states), (k) => `let a${k} = aOf(channel, ${k}u) * ${LOG2_E};`)}`;
}

/**
 * Token after token of the segment: `each` finds its place `at` in x, its `value` and `step`, and whether it `exists`; behind
 * the last the step is 0.
 */
export function overTokens(
  { states, backwards }: ScanForm,
  tiles: readonly string[],
  each: (slot: string) => string,
): string {
  const vectors = vectorsOf(states);
  const token = (position: string) =>
    backwards ? `(first + count - 1u - min(${position}, count - 1u))` : `(first + min(${position}, count - 1u))`;
  return `
  for (var tile = 0u; tile < count; tile += ${TILE}u) {
    workgroupBarrier();
    for (var at = local; at < ${TILE * vectors}u; at += ${CHANNELS}u) {
      let source = row * uniforms.length + ${token(`tile + at / ${vectors}u`)};
      ${tiles.map((name) => `${name}Tile[at] = ${name}Of(source, at % ${vectors}u);`).join('\n      ')}
    }
    workgroupBarrier();
    for (var slot = 0u; slot < ${TILE}u; slot += ${AT_ONCE}u) {
      ${unrolled(
        AT_ONCE,
        (k) => `
      let exists${k} = tile + slot + ${k}u < count;
      let at${k} = (row * uniforms.length + ${token(`tile + slot + ${k}u`)}) * uniforms.channels + channel;
      let value${k} = x[at${k}];
      let step${k} = select(0.0, dt[at${k}], exists${k});`,
      )}
      ${unrolled(
        AT_ONCE,
        (k) => `{
        let exists = exists${k};
        let at = at${k};
        let value = value${k};
        let step = step${k};
        ${each(`((slot + ${k}u) * ${vectors}u)`)}
      }`,
      )}
    }
  }`;
}

export function tilesOf(names: readonly string[], states: number): string {
  return names.map((name) => `var<workgroup> ${name}Tile: array<vec4<f32>, ${TILE * vectorsOf(states)}>;`).join('\n');
}

/** h = exp(step A) h + (step value) B */
export function advance({ states }: ScanForm, slot: string): string {
  return `let added = step * value;
        ${unrolled(vectorsOf(states), (k) => `h${k} = exp2(step * a${k}) * h${k} + added * bTile[${slot} + ${k}u];`)}`;
}

/** h = exp(step A) (h + value C): h is p, value is dy, and b is C. */
function goBack({ states }: ScanForm, slot: string): string {
  return `let added = select(0.0, value, exists);
        ${unrolled(vectorsOf(states), (k) => `h${k} = exp2(step * a${k}) * (h${k} + added * bTile[${slot} + ${k}u]);`)}`;
}

/** statement(h's n-th state, n) for all states */
export function eachState(states: number, statement: (state: string, n: number) => string): string {
  return unrolled(states, (n) => statement(`h${Math.floor(n / 4)}.${'xyzw'[n % 4]}`, n));
}

function keyOf(kernel: string, { states, segment, backwards }: ScanForm): string {
  return `selective-scan/${kernel}/${states}/${segment}/${backwards ? 'backwards' : 'forwards'}`;
}

function endsProgram(form: ScanForm): Program {
  const { states, backwards } = form;
  const [a, b] = ['a', 'b'].map((name) => byStates(name, states));
  return {
    key: keyOf('ends', form),
    wgsl: () => `
${bindings(
  { x: 'f32', dt: 'f32', a: a!.element, b: b!.element },
  { steps: 'f32', boundaries: 'f32' },
  'length: u32, channels: u32, segments: u32, offset: u32',
)}
${[a, b].map((matrix) => matrix!.reader).join('\n')}
${tilesOf(['b'], states)}
${main(form)}
  var sum = 0.0;
  ${unrolled(vectorsOf(states), (k) => `var h${k} = vec4<f32>();`)}
  ${overTokens(form, ['b'], (slot) => `sum += step;\n        ${(backwards ? goBack : advance)(form, slot)}`)}
  if (inside) {
    steps[(row * uniforms.segments + segment) * uniforms.channels + channel] = sum;
    ${eachState(states, (state, n) => `boundaries[uniforms.offset + stateAt + ${n}u * uniforms.channels] = ${state};`)}
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
    key: keyOf('carry', form),
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
    h = exp2(rate * steps[segment * uniforms.channels + channel]) * h + end;
  }
  ${behind}`)}`,
  };
}

export function samples(): Program[] {
  return [16, 3].flatMap((states) =>
    [
      { states, segment: 256, backwards: false },
      { states, segment: 64, backwards: true },
    ].flatMap((form) => [endsProgram(form), carryProgram(form)]),
  );
}
