// The outputs of linear attention's chunks, O = (Q f) S + (A D) V: what a token reads of the state at its chunk's start, with the
// decay f from there, and what it reads of the chunk's own tokens, with D the decays between them. Transposed, with the roles of
// the operands changed, it is every gradient of the chunks, too; without a state it is what a chunk's own tokens give.
// Where the values' channels decay each by itself, the sum over the chunk's tokens is their recurrence in registers,
//   O[i] = exp(g[j]) O[i] + A[i, j] v[j]  for j = 0 .. i, from O[i] = q[i] S on.
// One workgroup a chunk, row and 64 output channels. Bytes: q, v, S and A in (q and A once for every 64 channels), O out. FLOPs:
// 2 Dq Do + 128 Do a token. Bound by arithmetic. The forward
// pass in f16 is chunk-outputs-f16.ts.
import type * as tf from '#tfjs';
import {
  BEFORE_TILE,
  CAUSAL_TILE,
  CHUNK,
  DECAY_TILE,
  F32_TILES,
  LOAD_GATES,
  putBlock,
  readRow,
  TIMES,
} from './chunk-tiles.js';
import { f32, run, type Program } from './runner.js';

/**
 * `token`: D has a decay a token. `causal`: D is 1 where j <= i. `scored`: A holds D already. `channel`: the values' channels
 * decay each by itself.
 */
type Within = 'token' | 'causal' | 'scored' | 'channel';

interface Spec {
  /** 0 where no state is read. */
  readonly queryDim: number;
  readonly outputDim: number;
  /** What the queries are multiplied with: a factor a token, or a channel and token. */
  readonly factor: 'token' | 'channel' | null;
  readonly within: Within;
  /** D is 0 for a token and itself, too. */
  readonly strict: boolean;
  /** A and D with their rows and columns changed: from a token to those before it. */
  readonly transposedScores: boolean;
  /** S is stored as [Do, Dq]. */
  readonly transposedState: boolean;
}

function programOf(spec: Spec): Program {
  const { queryDim, outputDim, factor, within, strict, transposedScores, transposedState } = spec;
  const flags = [
    transposedScores ? 'transposed-scores' : 'scores',
    transposedState ? 'transposed-state' : 'state',
    ...(strict ? ['strict'] : []),
  ];
  const gated = within === 'token' || within === 'channel';
  const inputs = [
    ...(queryDim === 0 ? [] : ['q: array<vec4f>', `states: array<vec4f>`]),
    `scores: array<vec4f>`,
    `v: array<vec4f>`,
    ...(factor === null ? [] : [`factor: array<${factor === 'token' ? 'f32' : 'vec4f'}>`]),
    ...(gated ? [`g: array<${within === 'token' ? 'f32' : 'vec4f'}>`] : []),
  ];
  return {
    key: `chunk-outputs/${queryDim}/${outputDim}/${factor}/${within}/${flags.join('/')}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32, querySharing: u32, scoreSharing: u32, valueSharing: u32, scale: f32 }
${inputs.map((input, i) => `@group(0) @binding(${i}) var<storage, read> ${input};`).join('\n')}
@group(0) @binding(${inputs.length}) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(${inputs.length + 1}) var<uniform> sizes: Sizes;
${F32_TILES}
${{ token: DECAY_TILE, causal: CAUSAL_TILE, scored: '', channel: CHANNEL_DECAYS }[within]}
${within === 'token' || within === 'causal' ? TIMES : ''}
${strict ? BEFORE_TILE : ''}
${queryDim === 0 ? '' : readsOfState(spec)}
${readRow('valueAt', 'v', outputDim)}
${within === 'channel' ? readRow('gateAt', 'g', outputDim) : ''}
/** A D of A's rows 4 down.. and columns 4 along... */
fn weights(row: u32, chunk: u32, down: u32, along: u32) -> mat4x4f {
  let at = (((row / sizes.scoreSharing) * sizes.chunks + chunk) * ${CHUNK}u + 4u * down) * ${CHUNK / 4}u + along;
  let block = mat4x4f(${[0, 1, 2, 3].map((m) => `scores[at + ${m * (CHUNK / 4)}u]`).join(', ')});
  return ${within === 'token' || within === 'causal' ? `times(block, ${strict ? 'beforeTile' : 'decayTile'}(down, along))` : 'block'};
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let row = group.y;
  let firstOutput = group.z * ${CHUNK / 4}u;
  let first = chunk * ${CHUNK}u;
  ${within === 'token' ? `${LOAD_GATES}\n  workgroupBarrier();` : ''}
${body(spec)}
}
`,
  };
}

function readsOfState(spec: Spec): string {
  const { queryDim, outputDim, factor, transposedState } = spec;
  return `
${readRow('rawQueryAt', 'q', queryDim)}
${factor === 'channel' ? readRow('factorAt', 'factor', queryDim) : ''}
fn queryAt(row: u32, token: u32, fourth: u32) -> vec4f {
  ${factor === 'token' ? 'if (token >= sizes.length) { return vec4f(); }' : ''}
  return rawQueryAt(row / sizes.querySharing, token, fourth)${
    factor === null
      ? ''
      : { token: ' * factor[row * sizes.length + token]', channel: ' * factorAt(row, token, fourth)' }[factor]
  };
}

/** Four neighbours of a state's row. */
fn stateAt(row: u32, chunk: u32, channel: u32, fourth: u32) -> vec4f {
  ${stateBounds(spec)}
  return vec4f(states[((row * sizes.chunks + chunk) * ${transposedState ? outputDim : queryDim}u + channel) * ${
    (transposedState ? queryDim : outputDim) / 4
  }u + fourth]);
}
`;
}

/** exp(g) of the 16 tokens of a step, [16, 64]. */
const CHANNEL_DECAYS = `
var<workgroup> decays: array<vec4f, 256>;
`;

function stateBounds({ queryDim, outputDim, transposedState }: Spec): string {
  if (queryDim % CHUNK === 0 && outputDim % CHUNK === 0) return '';
  const [rows, columns] = transposedState ? [outputDim, queryDim] : [queryDim, outputDim];
  return `if (channel >= ${rows}u || fourth >= ${columns / 4}u) { return vec4f(); }`;
}

const four = (item: (m: number) => string) => [0, 1, 2, 3].map(item).join(', ');

function body(spec: Spec): string {
  const { queryDim, outputDim, within, transposedScores, transposedState } = spec;
  const state = transposedState
    ? `if (local >= 64u && local < 128u) {
      let block = transpose(mat4x4f(${four((m) => `stateAt(row, chunk, 4u * (firstOutput + tokens) + ${m}u, c + fourth)`)}));
      ${putBlock('right', 'fourth', 'tokens', 'block')}
    }`
    : `right[local] = stateAt(row, chunk, 4u * c + y, firstOutput + x);`;
  return `
  let x = local & 15u;
  let y = local >> 4u;
  let fourth = local & 3u;
  let tokens = (local >> 2u) & 15u;
  var sum = mat4x4f();
  ${
    queryDim === 0
      ? ''
      : `for (var c = 0u; c < ${queryDim / 4}u; c += 4u) {
    if (local < 64u) {
      let block = transpose(mat4x4f(${four((m) => `queryAt(row, first + 4u * tokens + ${m}u, c + fourth)`)}));
      ${putBlock('left', 'fourth', 'tokens', 'block')}
    }
    ${state}
    workgroupBarrier();
    sum = product(y, x, sum);
    workgroupBarrier();
  }`
  }
  for (var slice = 0u; slice < ${CHUNK / 4}u; slice += 4u) {
    let s = ${within === 'channel' && transposedScores ? `${CHUNK / 4 - 4}u - slice` : 'slice'};
    if (local < 64u) {
      ${
        transposedScores
          ? `let block = weights(row, chunk, s + y, x);
      ${putBlock('left', 'y', 'x', 'block')}`
          : `let block = transpose(weights(row, chunk, tokens, s + fourth));
      ${putBlock('left', 'fourth', 'tokens', 'block')}`
      }
    }
    right[local] = valueAt(row / sizes.valueSharing, first + 4u * s + y, firstOutput + x);
    ${within === 'channel' ? `decays[local] = exp(gateAt(row, first + 4u * s + y${transposedScores ? ' + 1u' : ''}, firstOutput + x));` : ''}
    workgroupBarrier();
    ${within === 'channel' ? recurrence(spec) : 'sum = product(y, x, sum);'}
    workgroupBarrier();
  }
  let channels = firstOutput + x;
  if (channels < ${outputDim / 4}u) {
    ${[0, 1, 2, 3]
      .map((m) => {
        const token = `first + 4u * y + ${m}u`;
        const at = `(row * sizes.length + ${token}) * ${outputDim / 4}u + channels`;
        return `if (${token} < sizes.length) { o[${at}] = sizes.scale * sum[${m}]; }`;
      })
      .join('\n')}
  }`;
}

/**
 * Over the 16 tokens of a step: those up to a row's own, or, where the scores are transposed, from the last of the chunk back to it,
 * with the decay of the token behind, which for the chunk's last is none.
 */
function recurrence({ transposedScores }: Spec): string {
  const token = '4u * s + t';
  const at = transposedScores ? '15u - n' : 'n';
  const reads = (m: number) => (transposedScores ? `${token} >= 4u * y + ${m}u` : `${token} <= 4u * y + ${m}u`);
  return `for (var n = 0u; n < 16u; n++) {
      let t = ${at};
      let a = left[t * 16u + y];
      let b = right[t * 16u + x];
      let decay = ${transposedScores ? `select(decays[t * 16u + x], vec4f(1), ${token} == ${CHUNK - 1}u)` : 'decays[t * 16u + x]'};
      ${[0, 1, 2, 3].map((m) => `if (${reads(m)}) { sum[${m}] = fma(vec4f(a[${m}]), b, decay * sum[${m}]); }`).join('\n')}
    }`;
}

export interface ChunkOutputsInputs {
  /** [B, G, T, Dq], G dividing N; null, as are the factor and the states, where no state is read. */
  readonly q: tf.Tensor4D | null;
  /** [B, N, T] or [B, N, T, Dq] */
  readonly factor: tf.Tensor | null;
  /** Of `chunkStates`: [B, N, chunks, Dq, Do], or [.., Do, Dq] */
  readonly states: tf.Tensor | null;
  /** [B, G', chunks, 64, 64] */
  readonly scores: tf.Tensor;
  /** [B, G', T, Do] */
  readonly v: tf.Tensor4D;
  /** g, [B, N, T] or [B, N, T, Do], where `within` has decays. */
  readonly logDecay: tf.Tensor | null;
}

export interface ChunkOutputsForm {
  readonly within: Within;
  readonly outputDim: number;
  /** N */
  readonly heads: number;
  readonly strict?: boolean;
  readonly transposedScores?: boolean;
  readonly transposedState?: boolean;
  /** Of the outputs; 1 where it is not given. */
  readonly scale?: number;
}

/** -> [B, N, T, Do] */
export function chunkOutputs(
  { q, factor, states, scores, v, logDecay }: ChunkOutputsInputs,
  form: ChunkOutputsForm,
): tf.Tensor4D {
  const { within, outputDim, heads, strict = false, transposedScores = false, transposedState = false } = form;
  const [batch, queryHeads, length, queryDim] = q === null ? [scores.shape[0]!, 1, v.shape[2], 0] : q.shape;
  const chunks = Math.ceil(length / CHUNK);
  const spec: Spec = {
    ...{ queryDim, outputDim, within, strict, transposedScores, transposedState },
    factor: factor === null ? null : factor.rank === 3 ? 'token' : 'channel',
  };
  const [o] = run({
    program: programOf(spec),
    inputs: [q, states, scores, v, factor, logDecay].filter((x) => x !== null),
    outputs: [{ shape: [batch, heads, length, outputDim] }],
    uniforms: [
      ...[length, chunks, heads / queryHeads, heads / scores.shape[1]!, heads / v.shape[1]],
      f32(form.scale ?? 1),
    ],
    workgroups: [chunks, batch * heads, Math.ceil(outputDim / CHUNK)],
  });
  return o as tf.Tensor4D;
}

export function samples(): Program[] {
  const channels = { outputDim: 64, factor: null, within: 'channel' } as const;
  const forward: Spec = {
    ...{ queryDim: 128, outputDim: 256, factor: 'token', within: 'token' },
    ...{ strict: false, transposedScores: false, transposedState: false },
  };
  const forms: Spec[] = [
    forward,
    { ...forward, queryDim: 24, outputDim: 48 },
    { ...forward, transposedScores: true },
    { ...forward, queryDim: 256, outputDim: 128, transposedState: true },
    { ...forward, queryDim: 256, outputDim: 128, transposedScores: true, transposedState: true },
    { ...forward, factor: 'channel', within: 'scored' },
    { ...forward, queryDim: 0, factor: null, transposedScores: true },
    { ...forward, strict: true, transposedState: true },
    { ...forward, factor: null, within: 'causal', strict: true, transposedState: true },
    ...[false, true].map((transposedScores) => ({ ...forward, ...channels, transposedScores })),
  ];
  return forms.map(programOf);
}
