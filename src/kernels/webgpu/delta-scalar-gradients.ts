// The gradients of a token's rate, and of the sum of log decays up to it, under the delta rule (E and R as in delta-rule.ts):
//   dbeta = R.v - k.E;  dG = q.dq - k.dk - 2 beta k.E.
// 16 invocations a token, 16 tokens a workgroup; their sums are added in a fixed order. Bytes: k, E, R and v, and where there are
// decays q, dq and dk, once each; bound by memory.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';

interface Spec {
  readonly keyDim: number;
  readonly valueDim: number;
  readonly decays: boolean;
}

function programOf({ keyDim, valueDim, decays }: Spec): Program {
  const inputs = [
    ...['k', 'reads', 'r', 'v', ...(decays ? ['q', 'dQ', 'dK'] : [])].map((name) => `${name}: array<vec4f>`),
    ...(decays ? ['rate: array<f32>'] : []),
  ];
  const outputs = ['dRate', ...(decays ? ['dSum'] : [])];
  const buffers = [
    ...inputs.map((input) => `var<storage, read> ${input}`),
    ...outputs.map((output) => `var<storage, read_write> ${output}: array<f32>`),
    'var<uniform> sizes: Sizes',
  ];
  return {
    key: `delta-scalar-gradients/${keyDim}/${valueDim}/${decays ? 'decays' : 'stays'}`,
    wgsl: () => `
struct Sizes { length: u32, sharing: u32, tokens: u32, stride: u32 }
${buffers.map((buffer, i) => `@group(0) @binding(${i}) ${buffer};`).join('\n')}
// r.v, k.E and q.dq - k.dk
var<workgroup> partial: array<vec3f, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let token = (group.y * sizes.stride + group.x) * 16u + (local >> 4u);
  var sum = vec3f();
  if (token < sizes.tokens) {
    let row = token / sizes.length;
    let sharedRow = (row / sizes.sharing * sizes.length + token % sizes.length) * ${keyDim / 4}u;
    for (var i = local & 15u; i < ${valueDim / 4}u; i += 16u) {
      sum.x += dot(r[token * ${valueDim / 4}u + i], v[token * ${valueDim / 4}u + i]);
    }
    for (var i = local & 15u; i < ${keyDim / 4}u; i += 16u) {
      let key = k[sharedRow + i];
      let whole = token * ${keyDim / 4}u + i;
      sum.y += dot(key, reads[whole]);
      ${decays ? 'sum.z += dot(q[sharedRow + i], dQ[whole]) - dot(key, dK[whole]);' : ''}
    }
  }
  partial[local] = sum;
  workgroupBarrier();
  if ((local & 15u) == 0u && token < sizes.tokens) {
    for (var i = 1u; i < 16u; i++) {
      sum += partial[local + i];
    }
    dRate[token] = sum.x - sum.y;
    ${decays ? 'dSum[token] = sum.z - 2.0 * rate[token] * sum.y;' : ''}
  }
}
`,
  };
}

export interface DeltaScalarGradientsInputs {
  /** [B, N, T, Dk] */
  readonly k: tf.Tensor4D;
  /** E, [B, Nv, T, Dk] */
  readonly reads: tf.Tensor4D;
  /** R, [B, Nv, T, Dv] */
  readonly r: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** What the gradient of the decays needs besides; null where nothing decays. */
  readonly decaying: DecayingInputs | null;
}

interface DecayingInputs {
  /** [B, N, T, Dk] */
  readonly q: tf.Tensor4D;
  /** [B, Nv, T, Dk], as is dK. */
  readonly dQ: tf.Tensor4D;
  readonly dK: tf.Tensor4D;
  /** beta, [B, Nv, T] */
  readonly rate: tf.Tensor3D;
}

/** -> [B, Nv, T] each; dG is null where nothing decays. */
export function deltaScalarGradients({ k, reads, r, v, decaying }: DeltaScalarGradientsInputs) {
  const [batch, heads, length, valueDim] = v.shape;
  const keyDim = k.shape[3];
  const tokens = batch * heads * length;
  const workgroups = workgroupsFor(tokens, 16);
  const shape = [batch, heads, length];
  const more = decaying === null ? [] : [decaying.q, decaying.dQ, decaying.dK, decaying.rate];
  const [dRate, dSum] = run({
    program: programOf({ keyDim, valueDim, decays: decaying !== null }),
    inputs: [k, reads, r, v, ...more],
    outputs: decaying === null ? [{ shape }] : [{ shape }, { shape }],
    uniforms: [length, heads / k.shape[1], tokens, workgroups[0]],
    workgroups,
  });
  return { dRate: dRate as tf.Tensor3D, dSum: (dSum ?? null) as tf.Tensor3D | null };
}

export function samples(): Program[] {
  return [false, true].map((decays) => programOf({ keyDim: 128, valueDim: 256, decays }));
}
