// The corrections of a chunk by the delta rule solve (I + L) [W U] = [beta exp(G) K, beta V] with L[i, j] = beta[i] (k[i].k[j])
// D[i, j] for j < i (WY form, Yang et al. 2024, "Parallelizing Linear Transformers with the Delta Rule"): by forward substitution,
// without the inverse. Beside them the keys with the decays to the chunk's end.
// One workgroup a chunk, row and 256 columns of [K V], an invocation a column, whose solution stays in registers; L comes through
// workgroup memory in strips of 16 rows. Bytes: k, v and the keys' products in, W, U and the keys out. FLOPs: 64 (Dk + Dv) a
// token. Bound by the reads of L, a vector of it for four products. The forward pass in f16 is delta-systems-f16.ts.
import type * as tf from '#tfjs';
import { CAUSAL_TILE, CHUNK, DECAY_TILE, DECAYS_FROM_ENDS, LOAD_GATES } from './chunk-tiles.js';
import { run, type Program } from './runner.js';

const STRIP = 16;
const INVOCATIONS = 256;

interface Spec {
  readonly keyDim: number;
  readonly valueDim: number;
  readonly decays: boolean;
}

/** Columns of W and of the keys: whole tiles, with zeros behind Dk. */
export function paddedKeyDim(keyDim: number): number {
  return Math.ceil(keyDim / CHUNK) * CHUNK;
}

function programOf(spec: Spec): Program {
  const { keyDim, valueDim, decays } = spec;
  const padded = paddedKeyDim(keyDim);
  const inputs = ['k', 'v', 'rate', 'products', ...(decays ? ['g'] : [])];
  const outputs = ['w', 'keys', 'u'];
  const buffers = [
    ...inputs.map((name) => `var<storage, read> ${name}: array<${name === 'products' ? 'vec4f' : 'f32'}>`),
    ...outputs.map((name) => `var<storage, read_write> ${name}: array<f32>`),
    'var<uniform> sizes: Sizes',
  ];
  return {
    key: `delta-systems/${keyDim}/${valueDim}/${decays ? 'decays' : 'stays'}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32, sharing: u32 }
${buffers.map((buffer, i) => `@group(0) @binding(${i}) ${buffer};`).join('\n')}
var<workgroup> strip: array<vec4f, ${(STRIP * CHUNK) / 4}>;
var<workgroup> rates: array<f32, ${CHUNK}>;
${
  decays
    ? `${DECAY_TILE}${DECAYS_FROM_ENDS}
// Of the tokens of a strip.
var<workgroup> starts: array<f32, ${STRIP}>;
var<workgroup> ends: array<f32, ${STRIP}>;`
    : CAUSAL_TILE
}

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let row = group.y;
  let first = chunk * ${CHUNK}u;
  let firstToken = row * sizes.length + first;
  let count = min(${CHUNK}u, sizes.length - first);
  if (local < ${CHUNK}u) {
    rates[local] = 0.0;
    if (local < count) { rates[local] = rate[firstToken + local]; }
  }
  ${decays ? LOAD_GATES : ''}
  let sharedRow = row / sizes.sharing;
  let products0 = (sharedRow * sizes.chunks + chunk) * ${(CHUNK * CHUNK) / 4}u;
  let out = (row * sizes.chunks + chunk) * ${CHUNK}u;
  let column = group.z * ${INVOCATIONS}u + local;
  let isKey = column < ${padded}u;
  let inside = select(column < ${padded + valueDim}u, column < ${keyDim}u, isKey);
  let key0 = (sharedRow * sizes.length + first) * ${keyDim}u + column;
  let value0 = firstToken * ${valueDim}u + column - ${padded}u;
  workgroupBarrier();
  ${Array.from({ length: CHUNK / STRIP }, (_, n) => solveStrip(spec, n)).join('\n')}
}
`,
  };
}

/** The rows 16 n.. of the solution: x0.. are the column's elements so far, by fours. */
function solveStrip({ keyDim, valueDim, decays }: Spec, n: number): string {
  const padded = paddedKeyDim(keyDim);
  const rows = Array.from({ length: STRIP }, (_, r) => {
    const i = STRIP * n + r;
    const solved = Array.from({ length: r >> 2 }, (_, f) => 4 * n + f);
    const [fourth, within] = [i >> 2, i % 4];
    const known = [...Array.from({ length: 4 * n }, (_, f) => f), ...solved]
      .map((f) => ` - dot(strip[${r * 16 + f}u], x${f})`)
      .join('');
    const last = ['x', 'y', 'z'].slice(0, within).map((c) => ` - strip[${r * 16 + fourth}u].${c} * x${fourth}.${c}`);
    return `
    ${within === 0 ? `var x${fourth} = vec4f();` : ''}
    {
      var raw = 0.0;
      if (inside && ${i}u < count) {
        if (isKey) { raw = k[key0 + ${i * keyDim}u]; } else { raw = v[value0 + ${i * valueDim}u]; }
      }
      let side = rates[${i}u] * ${decays ? `select(raw, raw * starts[${r}u], isKey)` : 'raw'};
      let solution = side${known}${last.join('')};
      x${fourth}.${'xyzw'[within]} = solution;
      if (isKey) {
        w[(out + ${i}u) * ${padded}u + column] = solution;
        keys[(out + ${i}u) * ${padded}u + column] = ${decays ? `raw * ends[${r}u]` : 'raw'};
      } else if (inside) {
        u[(out + ${i}u) * ${valueDim}u + column - ${padded}u] = solution;
      }
    }`;
  });
  return `
  if (local < 64u) {
    let down = ${4 * n}u + (local >> 4u);
    let along = local & 15u;
    let decay = decayTile(down, along);
    for (var m = 0u; m < 4u; m++) {
      strip[(4u * (local >> 4u) + m) * 16u + along] =
        rates[4u * down + m] * decay[m] * products[products0 + (4u * down + m) * ${CHUNK / 4}u + along];
    }
  }${
    decays
      ? ` else if (local < 64u + ${STRIP}u) {
    starts[local - 64u] = fromStart(${STRIP * n}u + local - 64u);
    ends[local - 64u] = toEnd(${STRIP * n}u + local - 64u);
  }`
      : ''
  }
  workgroupBarrier();
  ${rows.join('')}
  workgroupBarrier();`;
}

export interface DeltaSystemsInputs {
  /** [B, N, T, Dk] */
  readonly k: tf.Tensor4D;
  /** [B, Nv, T, Dv] */
  readonly v: tf.Tensor4D;
  /** beta, [B, Nv, T] */
  readonly rate: tf.Tensor3D;
  /** k[i].k[j] of a chunk's tokens, [B, N, chunks, 64, 64] */
  readonly products: tf.Tensor;
  /** g, [B, Nv, T] */
  readonly logDecay: tf.Tensor3D | null;
}

/** Zeros behind the last token. */
export interface DeltaSystems {
  /** [B Nv, chunks, 64, padded Dk] */
  readonly w: tf.Tensor;
  /** exp(G[C] - G) K, of w's shape. */
  readonly keys: tf.Tensor;
  /** [B Nv, chunks, 64, Dv] */
  readonly u: tf.Tensor;
}

export function deltaSystems({ k, v, rate, products, logDecay }: DeltaSystemsInputs): DeltaSystems {
  const [batch, heads, length, valueDim] = v.shape;
  const keyDim = k.shape[3];
  const chunks = Math.ceil(length / CHUNK);
  const tokens = batch * heads * chunks * CHUNK;
  const padded = paddedKeyDim(keyDim);
  const keyShape = [tokens, padded];
  const [w, keys, u] = run({
    program: programOf({ keyDim, valueDim, decays: logDecay !== null }),
    inputs: [k, v, rate, products, ...(logDecay === null ? [] : [logDecay])],
    outputs: [{ shape: keyShape }, { shape: keyShape }, { shape: [tokens, valueDim] }],
    uniforms: [length, chunks, heads / k.shape[1]],
    workgroups: [chunks, batch * heads, Math.ceil((padded + valueDim) / INVOCATIONS)],
  });
  return { w, keys, u };
}

export function samples(): Program[] {
  return [
    programOf({ keyDim: 128, valueDim: 256, decays: true }),
    programOf({ keyDim: 128, valueDim: 128, decays: false }),
    programOf({ keyDim: 24, valueDim: 48, decays: true }),
  ];
}
