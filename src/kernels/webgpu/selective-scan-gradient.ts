// The gradient of the selective scan. With g[t] the gradient of h[t] and p[t] = exp(dt[t] A) g[t],
//   g[t] = C[t] dy[t] + p[t + 1];   e[t] = p[t] h[t-1];   dA = sum over tokens of e[t] dt[t];   dinitial = p[0]
//   ddt[t] = sum over n of (e[t] A + g[t] B[t] x[t]);   dx[t] = dt[t] (sum over n of g[t] B[t]) + D dy[t]
//   dB[t] = sum over i of g[t] dt[t] x[t];   dC[t] = sum over i of h[t] dy[t];   dD = sum over tokens of dy[t] x[t]
// Segments of 128 tokens go in parallel, from h before and p behind each (selective-scan-segments.ts). An invocation has four states
// of one or two channels. It goes through its segment once, keeping every fourth h, then backwards in blocks of four, whose h it
// computes again. What is summed over states or channels goes through workgroup memory, two tokens between two barriers: half of
// the invocations add over channels, the others over states. Sums over channels leave a part a workgroup, those over tokens a part
// a segment, and column-sums.ts adds the parts: all in a fixed order.
// Bytes: x, dt, dy, B, C read three times, dx, ddt written. Four exponentials and some 25 operations a token, channel and state:
// bound by these, and by the sums through workgroup memory.
import type * as tf from '#tfjs';
import { columnSums } from './column-sums.js';
import { deviceBackend, run, uninitialised, type Program } from './runner.js';
import {
  byStates,
  carryStates,
  channelsOf,
  eachChannel,
  LOG2_E,
  main,
  pairOf,
  tilingOf,
  type ScanForm,
} from './selective-scan-segments.js';
import type { ScanInputs } from './selective-scan.js';
import { bindings, unrolled } from './vectors.js';

const SEGMENT = 128;
/** Tokens whose h are in registers. */
const BLOCK = 4;
/** Tokens whose sums are taken at once. */
const ROUND = 2;
const STORAGE_BUFFERS = 12;

/** dY [B, T, I], dState [B, N, I] -> gradients of the inputs. */
export function scanGradient(
  { x, dt, a, b, c, d, initial }: ScanInputs,
  [dY, dState]: readonly [dY: tf.Tensor3D, dState: tf.Tensor3D],
): Record<keyof ScanInputs, tf.Tensor> {
  const [batch, length, channels] = x.shape;
  const form = { states: a.shape[1], pair: pairOf(channels), segment: SEGMENT, backwards: true };
  const { states } = form;
  const width = channels / form.pair;
  const segments = Math.ceil(length / SEGMENT);
  const boundaries = uninitialised([2, batch, segments, states, channels]);
  carryStates({ x, dt, a, b, start: initial }, { boundaries, part: 0 }, { segment: SEGMENT, backwards: false });
  const dInitial = carryStates(
    { x: dY, dt, a, b: c, start: dState },
    { boundaries, part: 1 },
    { segment: SEGMENT, backwards: true },
  );
  const blocks = Math.ceil(width / tilingOf(form).lanes);
  const [dX, dDt, byBlock, bySegment] = run({
    program: programOf(form),
    inputs: [x, dt, a, b, c, d, dY, boundaries],
    outputs: [
      { shape: x.shape },
      { shape: x.shape },
      { shape: [blocks, 2, batch, length, states] },
      { shape: [batch, segments, a.size + channels] },
    ],
    uniforms: [length, width, segments, batch],
    workgroups: [blocks, segments, batch],
  });
  const gradients = {
    ...{ x: dX, dt: dDt, initial: dInitial! },
    a: columnSums(bySegment, batch * segments, 0, a.shape),
    d: columnSums(bySegment, batch * segments, a.size, d.shape),
    b: columnSums(byBlock, blocks, 0, b.shape),
    c: columnSums(byBlock, blocks, b.size, c.shape),
  };
  [boundaries, byBlock, bySegment].forEach((tensor) => tensor.dispose());
  return gradients;
}

/** Whether there is a kernel for so many states, and the device has what it needs. */
export function hasScanGradient(states: number): boolean {
  return states <= 128 && deviceBackend().device.limits.maxStorageBuffersPerShaderStage >= STORAGE_BUFFERS;
}

function programOf(form: ScanForm): Program {
  const { states, pair } = form;
  const { vectors, lanes, invocations } = tilingOf(form);
  /** Tokens whose B and C lie in workgroup memory. */
  const tile = vectors <= 8 ? 4 * BLOCK : BLOCK;
  const [a, b, c] = ['a', 'b', 'c'].map((name) => byStates(name, states));
  const channels = (body: (i: number, of: (name: string) => string) => string) => eachChannel(pair, body);
  /** real(each(0), each(1)), and each(0) + each(1) */
  const real = (each: (i: number) => string) => `real(${Array.from({ length: pair }, (_, i) => each(i)).join(', ')})`;
  const added = (each: (i: number) => string) => Array.from({ length: pair }, (_, i) => each(i)).join(' + ');
  const of = (name: string, i: number) => (pair === 1 ? name : `${name}[${i}]`);
  /** statement(k, n) for those of an invocation's four states that exist */
  const eachState = (statement: (k: number, n: string) => string) =>
    unrolled(4, (k) => {
      const text = statement(k, `(4u * vector + ${k}u)`);
      return states % 4 === 0 ? text : `if (4u * vector + ${k}u < ${states}u) { ${text} }`;
    });
  const loadTiles = (names: readonly string[]) => `
    workgroupBarrier();
    for (var at = local; at < ${tile * vectors}u; at += ${invocations}u) {
      let source = row * uniforms.length + first + min(tile + at / ${vectors}u, count - 1u);
      ${names.map((name) => `${name}Tile[at] = ${name}Of(source, at % ${vectors}u);`).join('\n      ')}
    }
    workgroupBarrier();`;
  const loadBlock = (dy: boolean) =>
    unrolled(
      BLOCK,
      (k) => `
      let exists${k} = inside && token + ${k}u < count;
      let at${k} = begin + min(token + ${k}u, count - 1u) * uniforms.width;
      let value${k} = x[at${k}];
      let step${k} = select(real(0.0), dt[at${k}], exists${k});
      ${dy ? `let dy${k} = select(real(0.0), dy[at${k}], exists${k});` : ''}`,
    );
  const slot = (k: number) => `((token - tile + ${k}u) * ${vectors}u + vector)`;
  const boundary = (name: 'h' | 'p', part: number) => `
  ${unrolled(pair, (i) => `var ${name}${i} = vec4<f32>();`)}
  if (inside) {
    let start = ((${part}u * uniforms.rows + row) * uniforms.segments + segment) * ${states}u;
    ${eachState((k, n) => `{ let state = boundaries[(start + ${n}) * uniforms.width + channel]; ${channels((i, of) => `${name}${i}[${k}] = ${of('state')};`)} }`)}
  }`;
  /** The terms of a token, the r-th of its round, whose h before and after are known. */
  const terms = (k: number, r: number) => `{
      let b = bTile[${slot(k)}];
      let c = cTile[${slot(k)}];
      ${channels(
        (i) => `
      let g${i} = c * ${of(`dy${k}`, i)} + p${i};
      p${i} = decay${k}x${i} * g${i};
      let e${i} = p${i} * h${k}x${i};
      dA${i} += e${i} * ${of(`step${k}`, i)};`,
      )}
      dD += dy${k} * value${k};
      let input = step${k} * value${k};
      let toB = ${added((i) => `g${i} * ${of('input', i)}`)};
      let toC = ${added((i) => `h${k + 1}x${i} * ${of(`dy${k}`, i)}`)};
      ${unrolled(4, (n) => `toStates[(${8 * r * vectors + n}u + 4u * vector) * ${lanes + 1}u + lane] = toB[${n}];`)}
      ${unrolled(4, (n) => `toStates[(${(8 * r + 4) * vectors + n}u + 4u * vector) * ${lanes + 1}u + lane] = toC[${n}];`)}
      toInput[${r * invocations}u + local] = ${real((i) => `dot(g${i}, b)`)};
      toExponent[${r * invocations}u + local] = ${real((i) => `dot(e${i}, rate${i})`)};
    }`;
  /** Sums over channels: of each token of the round, of dB and dC, of each state. */
  const rows = ROUND * 8 * vectors;
  const sums = `
    for (var at = local; at < ${rows + ROUND * lanes}u; at += ${invocations}u) {
      if (at < ${rows}u) {
        let place = at * ${lanes + 1}u;
        ${unrolled(4, (i) => `var sum${i} = 0.0;`)}
        ${unrolled(lanes, (i) => `sum${i % 4} += toStates[place + ${i}u];`)}
        let token = tokens + at / ${8 * vectors}u;
        let n = at % ${4 * vectors}u;
        if (token < count && n < ${states}u) {
          let target0 = ((workgroup.x * 2u + at / ${4 * vectors}u % 2u) * uniforms.rows + row) * uniforms.length + first + token;
          byBlock[target0 * ${states}u + n] = (sum0 + sum1) + (sum2 + sum3);
        }
      } else {
        let r = (at - ${rows}u) / ${lanes}u;
        let other = (at - ${rows}u) % ${lanes}u;
        let place = r * ${invocations}u + other;
        var input = toInput[place];
        var exponent = toExponent[place];
        ${unrolled(vectors - 1, (v) => `input += toInput[place + ${(v + 1) * lanes}u];\n        exponent += toExponent[place + ${(v + 1) * lanes}u];`)}
        let its = workgroup.x * ${lanes}u + other;
        if (its < uniforms.width && tokens + r < count) {
          let at = (row * uniforms.length + first + tokens + r) * uniforms.width + its;
          dx[at] = input * dt[at] + d[its] * dy[at];
          ddt[at] = input * x[at] + exponent * ${1 / LOG2_E};
        }
      }
    }`;
  return {
    key: `selective-scan-gradient/${states}/${pair}`,
    wgsl: () => `
${channelsOf(pair)}
${bindings(
  {
    ...{ x: 'real', dt: 'real', a: a!.element, b: b!.element, c: c!.element, d: 'real', dy: 'real' },
    boundaries: 'real',
  },
  { dx: 'real', ddt: 'real', byBlock: 'f32', bySegment: 'f32' },
  'length: u32, width: u32, segments: u32, rows: u32',
)}
${[a, b, c].map((matrix) => matrix!.reader).join('\n')}
var<workgroup> bTile: array<vec4<f32>, ${tile * vectors}>;
var<workgroup> cTile: array<vec4<f32>, ${tile * vectors}>;
// Of the tokens of a round: what each invocation adds to dB and dC, a row a state, to the sum of g B and to that of e A.
var<workgroup> toStates: array<f32, ${rows * (lanes + 1)}>;
var<workgroup> toInput: array<real, ${ROUND * invocations}>;
var<workgroup> toExponent: array<real, ${ROUND * invocations}>;
${main(form)}
  let begin = (row * uniforms.length + first) * uniforms.width + channel;
  ${boundary('h', 0)}
  ${boundary('p', 1)}

  ${unrolled(pair, (i) => `var starts${i}: array<vec4<f32>, ${SEGMENT / BLOCK}>;`)}
  for (var tile = 0u; tile < count; tile += ${tile}u) {
    ${loadTiles(['b'])}
    for (var token = tile; token < min(tile + ${tile}u, count); token += ${BLOCK}u) {
      ${unrolled(pair, (i) => `starts${i}[token / ${BLOCK}u] = h${i};`)}
      ${loadBlock(false)}
      ${unrolled(
        BLOCK,
        (k) => `{
        let b = bTile[${slot(k)}];
        let input = step${k} * value${k};
        ${channels((i) => `h${i} = exp2(${of(`step${k}`, i)} * rate${i}) * h${i} + ${of('input', i)} * b;`)}
      }`,
      )}
    }
  }

  ${unrolled(pair, (i) => `var dA${i} = vec4<f32>();`)}
  var dD = real(0.0);
  for (var tile = (count - 1u) / ${tile}u * ${tile}u; tile < count; tile -= ${tile}u) {
    ${loadTiles(['b', 'c'])}
    for (var left = (min(${tile}u, count - tile) + ${BLOCK - 1}u) / ${BLOCK}u; left > 0u; left--) {
      let token = tile + (left - 1u) * ${BLOCK}u;
      ${unrolled(pair, (i) => `let h0x${i} = starts${i}[token / ${BLOCK}u];`)}
      ${loadBlock(true)}
      ${unrolled(
        BLOCK,
        (k) => `
      let b${k} = bTile[${slot(k)}];
      let input${k} = step${k} * value${k};
      ${channels(
        (i) => `
      let decay${k}x${i} = exp2(${of(`step${k}`, i)} * rate${i});
      let h${k + 1}x${i} = decay${k}x${i} * h${k}x${i} + ${of(`input${k}`, i)} * b${k};`,
      )}`,
      )}
      ${unrolled(BLOCK / ROUND, (round) => {
        const last = BLOCK - ROUND * round;
        return `
      ${unrolled(ROUND, (r) => terms(last - 1 - r, ROUND - 1 - r))}
      workgroupBarrier();
      {
        let tokens = token + ${last - ROUND}u;
        ${sums}
      }
      workgroupBarrier();`;
      })}
    }
  }
  if (inside) {
    let parts = (row * uniforms.segments + segment) * uniforms.width * ${pair * (states + 1)}u;
    ${eachState((k, n) => channels((i) => `bySegment[parts + (channel * ${pair}u + ${i}u) * ${states}u + ${n}] = dA${i}[${k}];`))}
    if (vector == 0u) {
      ${channels((i) => `bySegment[parts + uniforms.width * ${pair * states}u + channel * ${pair}u + ${i}u] = ${of('dD', i)};`)}
    }
  }
}`,
  };
}

export function samples(): Program[] {
  const form = { segment: SEGMENT, backwards: true };
  return [programOf({ states: 16, pair: 2, ...form }), programOf({ states: 7, pair: 1, ...form })];
}
