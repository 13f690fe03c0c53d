// From the gradient of a chunk's corrections to those of its values under the delta rule: R solves (I + L)^T R = dU', with
// L[i, j] = beta[i] (k[i].k[j]) D[i, j] for j < i, by substitution from the last token back; dV = beta R.
// One workgroup a chunk, row and 128 columns of Dv, an invocation a column, whose solution stays in registers; L comes through
// workgroup memory in strips of 16 columns. Bytes: dU' and the keys' products in, R and dV out. FLOPs: 64 Dv a token. Bound by
// memory where f32 is fast.
import type * as tf from '#tfjs';
import { CAUSAL_TILE, CHUNK, DECAY_TILE, LOAD_GATES } from './chunk-tiles.js';
import { run, type Program } from './runner.js';
import { unrolled } from './vectors.js';

const STRIP = 16;
const INVOCATIONS = 128;

function programOf(valueDim: number, decays: boolean): Program {
  const inputs = ['dCorrections', 'rate', ...(decays ? ['g'] : [])].map((name) => `${name}: array<f32>`);
  const buffers = [
    ...['products: array<vec4f>', ...inputs].map((input) => `var<storage, read> ${input}`),
    ...['r', 'dV'].map((output) => `var<storage, read_write> ${output}: array<f32>`),
    'var<uniform> sizes: Sizes',
  ];
  return {
    key: `delta-value-gradients/${valueDim}/${decays ? 'decays' : 'stays'}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32, sharing: u32 }
${buffers.map((buffer, i) => `@group(0) @binding(${i}) ${buffer};`).join('\n')}
var<workgroup> strip: array<vec4f, ${(STRIP * CHUNK) / 4}>;
var<workgroup> rates: array<f32, ${CHUNK}>;
${decays ? DECAY_TILE : CAUSAL_TILE}

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let row = group.y;
  let first = chunk * ${CHUNK}u;
  let count = min(${CHUNK}u, sizes.length - first);
  if (local < ${CHUNK}u) {
    rates[local] = 0.0;
    if (local < count) { rates[local] = rate[row * sizes.length + first + local]; }
  }
  ${decays ? LOAD_GATES : ''}
  let products0 = ((row / sizes.sharing) * sizes.chunks + chunk) * ${(CHUNK * CHUNK) / 4}u;
  let column = group.z * ${INVOCATIONS}u + local;
  let inside = column < ${valueDim}u;
  let base = (row * sizes.length + first) * ${valueDim}u + column;
  workgroupBarrier();
  ${unrolled(CHUNK / STRIP, (n) => solveStrip(valueDim, CHUNK / STRIP - 1 - n))}
}
`,
  };
}

/** The rows 16 n.. of the solution, from the last: x0.. are the column's elements, by fours. */
function solveStrip(valueDim: number, n: number): string {
  const rows = unrolled(STRIP, (back) => {
    const r = STRIP - 1 - back;
    const i = STRIP * n + r;
    const [fourth, within] = [i >> 2, i % 4];
    const later = Array.from({ length: CHUNK / 4 - 1 - fourth }, (_, f) => fourth + 1 + f)
      .map((f) => ` - dot(strip[${r * 16 + f}u], x${f})`)
      .join('');
    const near = ['y', 'z', 'w'].slice(within).map((c) => ` - strip[${r * 16 + fourth}u].${c} * x${fourth}.${c}`);
    return `
    ${within === 3 ? `var x${fourth} = vec4f();` : ''}
    if (inside && ${i}u < count) {
      let solution = dCorrections[base + ${i * valueDim}u]${later}${near.join('')};
      x${fourth}.${'xyzw'[within]} = solution;
      r[base + ${i * valueDim}u] = solution;
      dV[base + ${i * valueDim}u] = rates[${i}u] * solution;
    }`;
  });
  return `
  if (local < 64u) {
    let down = local & 15u;
    let along = local >> 4u;
    let decay = decayTile(down, ${4 * n}u + along);
    var block = mat4x4f();
    for (var m = 0u; m < 4u; m++) {
      block[m] = rates[4u * down + m] * decay[m] * products[products0 + (4u * down + m) * ${CHUNK / 4}u + ${4 * n}u + along];
    }
    let columns = transpose(block);
    for (var m = 0u; m < 4u; m++) { strip[(4u * along + m) * 16u + down] = columns[m]; }
  }
  workgroupBarrier();
  ${rows}
  workgroupBarrier();`;
}

export interface DeltaValueGradientsInputs {
  /** dU', [B, Nv, T, Dv] */
  readonly dCorrections: tf.Tensor4D;
  /** beta, [B, Nv, T] */
  readonly rate: tf.Tensor3D;
  /** k[i].k[j] of a chunk's tokens, [B, N, chunks, 64, 64] */
  readonly products: tf.Tensor;
  /** g, [B, Nv, T] */
  readonly logDecay: tf.Tensor3D | null;
}

/** -> R and dV, [B, Nv, T, Dv] */
export function deltaValueGradients({ dCorrections, rate, products, logDecay }: DeltaValueGradientsInputs) {
  const [batch, heads, length, valueDim] = dCorrections.shape;
  const chunks = Math.ceil(length / CHUNK);
  const [r, dV] = run({
    program: programOf(valueDim, logDecay !== null),
    inputs: [products, dCorrections, rate, ...(logDecay === null ? [] : [logDecay])],
    outputs: [{ shape: dCorrections.shape }, { shape: dCorrections.shape }],
    uniforms: [length, chunks, heads / products.shape[1]!],
    workgroups: [chunks, batch * heads, Math.ceil(valueDim / INVOCATIONS)],
  });
  return { r: r as tf.Tensor4D, dV: dV as tf.Tensor4D };
}

export function samples(): Program[] {
  return [programOf(128, false), programOf(256, true), programOf(48, true)];
}
