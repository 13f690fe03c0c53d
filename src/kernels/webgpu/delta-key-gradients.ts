// The gradients of a chunk's keys under the delta rule: as what the corrections are written under, less beta E, as what the
// memory is read by (`reads` is E):
//   dK = exp(G[C] - G) U' dS'^T + (P U'^T D)^T Q - (beta R U'^T D)^T K - beta E, with D of the last product strictly below its diagonal.
// One workgroup a chunk, row and 64 key channels, in f32. Bytes: U' and dS' (U' once for every 64 channels), q, k, E and the
// scores dO U'^T and R U'^T in, dK out. FLOPs: 2 Dk Dv + 256 Dk a token. Bound by arithmetic.
import type * as tf from '#tfjs';
import {
  BEFORE_TILE,
  CAUSAL_TILE,
  CHUNK,
  DECAY_TILE,
  DECAYS_FROM_ENDS,
  F32_TILES,
  LOAD_GATES,
  TIMES,
  putBlock,
  readRow,
} from './chunk-tiles.js';
import { f32, run, type Program } from './runner.js';
import { unrolled } from './vectors.js';

interface Spec {
  readonly keyDim: number;
  readonly valueDim: number;
  readonly decays: boolean;
}

function programOf({ keyDim, valueDim, decays }: Spec): Program {
  const inputs = [
    ...['u', 'dStates', 'q', 'k', 'outputScores', 'keyScores', 'reads'].map((name) => `${name}: array<vec4f>`),
    ...['rate', ...(decays ? ['g'] : [])].map((name) => `${name}: array<f32>`),
  ];
  const four = (item: (m: number) => string) => [0, 1, 2, 3].map(item).join(', ');
  const block = (scores: string) => `mat4x4f(${four((m) => `${scores}[at + ${m * (CHUNK / 4)}u]`)})`;
  return {
    key: `delta-key-gradients/${keyDim}/${valueDim}/${decays ? 'decays' : 'stays'}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32, sharing: u32, scale: f32 }
${inputs.map((input, i) => `@group(0) @binding(${i}) var<storage, read> ${input};`).join('\n')}
@group(0) @binding(${inputs.length}) var<storage, read_write> dK: array<vec4f>;
@group(0) @binding(${inputs.length + 1}) var<uniform> sizes: Sizes;
var<workgroup> rates: array<f32, ${CHUNK}>;
${F32_TILES}
${decays ? `${DECAY_TILE}${DECAYS_FROM_ENDS}\nvar<workgroup> ends: array<f32, ${CHUNK}>;` : CAUSAL_TILE}
${BEFORE_TILE}
${TIMES}
${readRow('correctionAt', 'u', valueDim)}
${readRow('queryAt', 'q', keyDim)}
${readRow('keyAt', 'k', keyDim)}
fn stateAt(row: u32, chunk: u32, channel: u32, fourth: u32) -> vec4f {
  if (channel >= ${keyDim}u || fourth >= ${valueDim / 4}u) {
    return vec4f();
  }
  return dStates[((row * sizes.chunks + chunk) * ${keyDim}u + channel) * ${valueDim / 4}u + fourth];
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let row = group.y;
  let firstChannel = group.z * ${CHUNK / 4}u;
  let first = chunk * ${CHUNK}u;
  let x = local & 15u;
  let y = local >> 4u;
  let fourth = local & 3u;
  let tokens = (local >> 2u) & 15u;
  if (local < ${CHUNK}u) {
    rates[local] = 0.0;
    if (first + local < sizes.length) { rates[local] = rate[row * sizes.length + first + local]; }
  }
  ${decays ? LOAD_GATES : ''}
  workgroupBarrier();
  ${decays ? `if (local < ${CHUNK}u) { ends[local] = toEnd(local); }\n  workgroupBarrier();` : ''}
  var sum = mat4x4f();
  for (var c = 0u; c < ${valueDim / 4}u; c += 4u) {
    if (local < 64u) {
      let block = transpose(mat4x4f(${four(
        (m) =>
          `${decays ? `ends[4u * tokens + ${m}u] * ` : ''}correctionAt(row, first + 4u * tokens + ${m}u, c + fourth)`,
      )}));
      ${putBlock('left', 'fourth', 'tokens', 'block')}
    } else if (local < 128u) {
      let block = transpose(mat4x4f(${four((m) => `stateAt(row, chunk, 4u * (firstChannel + tokens) + ${m}u, c + fourth)`)}));
      ${putBlock('right', 'fourth', 'tokens', 'block')}
    }
    workgroupBarrier();
    sum = product(y, x, sum);
    workgroupBarrier();
  }
  for (var s = 0u; s < ${CHUNK / 4}u; s += 4u) {
    let down = s + (y & 3u);
    let at = ((row * sizes.chunks + chunk) * ${CHUNK}u + 4u * down) * ${CHUNK / 4}u + x;
    if (local < 64u) {
      let block = times(${block('outputScores')}, decayTile(down, x)) * sizes.scale;
      ${putBlock('left', 'y', 'x', 'block')}
    }
    right[local] = queryAt(row / sizes.sharing, first + 4u * s + y, firstChannel + x);
    workgroupBarrier();
    sum = product(y, x, sum);
    workgroupBarrier();
    if (local < 64u) {
      let block = times(${block('keyScores')}, beforeTile(down, x));
      ${unrolled(4, (m) => `left[(4u * y + ${m}u) * 16u + x] = -rates[4u * down + ${m}u] * block[${m}];`)}
    }
    right[local] = keyAt(row / sizes.sharing, first + 4u * s + y, firstChannel + x);
    workgroupBarrier();
    sum = product(y, x, sum);
    workgroupBarrier();
  }
  if (firstChannel + x < ${keyDim / 4}u) {
    ${unrolled(
      4,
      (m) => `if (first + 4u * y + ${m}u < sizes.length) {
      let at = (row * sizes.length + first + 4u * y + ${m}u) * ${keyDim / 4}u + firstChannel + x;
      dK[at] = sum[${m}] - rates[4u * y + ${m}u] * reads[at];
    }`,
    )}
  }
}
`,
  };
}

export interface DeltaKeyGradientsInputs {
  /** U', [B, Nv, T, Dv] */
  readonly corrections: tf.Tensor4D;
  /** Of S behind each chunk, [B, Nv, chunks, Dk, Dv]. */
  readonly dStates: tf.Tensor;
  /** [B, N, T, Dk] */
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  /** dO U'^T, [B, Nv, chunks, 64, 64] */
  readonly outputScores: tf.Tensor;
  /** R U'^T, of its shape. */
  readonly keyScores: tf.Tensor;
  /** E, [B, Nv, T, Dk] */
  readonly reads: tf.Tensor4D;
  /** beta, [B, Nv, T] */
  readonly rate: tf.Tensor3D;
  /** g, [B, Nv, T] */
  readonly logDecay: tf.Tensor3D | null;
}

/** -> [B, Nv, T, Dk] */
export function deltaKeyGradients(inputs: DeltaKeyGradientsInputs): tf.Tensor4D {
  const { corrections, dStates, q, k, outputScores, keyScores, reads, rate, logDecay } = inputs;
  const [batch, heads, length, valueDim] = corrections.shape;
  const keyDim = k.shape[3];
  const chunks = Math.ceil(length / CHUNK);
  const [dK] = run({
    program: programOf({ keyDim, valueDim, decays: logDecay !== null }),
    inputs: [
      corrections,
      dStates,
      q,
      k,
      outputScores,
      keyScores,
      reads,
      rate,
      ...(logDecay === null ? [] : [logDecay]),
    ],
    outputs: [{ shape: reads.shape }],
    uniforms: [length, chunks, heads / k.shape[1], f32(keyDim ** -0.5)],
    workgroups: [chunks, batch * heads, Math.ceil(keyDim / CHUNK)],
  });
  return dK as tf.Tensor4D;
}

export function samples(): Program[] {
  return [
    programOf({ keyDim: 128, valueDim: 128, decays: false }),
    programOf({ keyDim: 256, valueDim: 512, decays: true }),
    programOf({ keyDim: 24, valueDim: 48, decays: true }),
  ];
}
