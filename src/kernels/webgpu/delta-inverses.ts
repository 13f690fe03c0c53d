// Of a chunk's system under the delta rule, (I + L) X = diag(beta) B with L[i, j] = beta[i] (k[i].k[j]) D[i, j] for j < i
// (delta-systems.ts), what solves it for every B: T = (I + L)^-1 diag(beta), by forward substitution in f32, rounded to f16.
// One workgroup a chunk and row, an invocation a column of T, which stays in its registers; L comes through workgroup memory
// in strips of 16 rows. Bytes: 64 floats a token in, 64 halves out. FLOPs: 4096 a token. Bound by the latency of 64 steps.
import type * as tf from '#tfjs';
import { CAUSAL_TILE, CHUNK, DECAY_TILE, LOAD_GATES } from './chunk-tiles.js';
import type { DeltaSystemsInputs } from './delta-systems.js';
import { range } from './chunk-tensor-cores.js';
import { run, type Program } from './runner.js';

const STRIP = 16;

function programOf(decays: boolean): Program {
  const inputs = ['rate: array<f32>', 'products: array<vec4f>', ...(decays ? ['g: array<f32>'] : [])];
  return {
    key: `delta-inverses/${decays ? 'decays' : 'stays'}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32, sharing: u32 }
${inputs.map((input, i) => `@group(0) @binding(${i}) var<storage, read> ${input};`).join('\n')}
@group(0) @binding(${inputs.length}) var<storage, read_write> inverses: array<vec4u>;
@group(0) @binding(${inputs.length + 1}) var<uniform> sizes: Sizes;
var<workgroup> strip: array<vec4f, ${(STRIP * CHUNK) / 4}>;
var<workgroup> rates: array<f32, ${CHUNK}>;
${decays ? DECAY_TILE : CAUSAL_TILE}

fn packed(a: vec4f, b: vec4f) -> vec4u {
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
}

@compute @workgroup_size(${CHUNK})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let row = group.y;
  let first = chunk * ${CHUNK}u;
  rates[local] = 0.0;
  if (first + local < sizes.length) { rates[local] = rate[row * sizes.length + first + local]; }
  ${decays ? LOAD_GATES : ''}
  let products0 = (row / sizes.sharing * sizes.chunks + chunk) * ${(CHUNK * CHUNK) / 4}u;
  let out = (row * sizes.chunks + chunk) * ${(CHUNK * CHUNK) / 8}u + local * ${CHUNK / 8}u;
  workgroupBarrier();
  let scale = rates[local];
  ${range(CHUNK / STRIP)
    .map(solveStrip)
    .join('\n')}
}
`,
  };
}

/** The rows 16 n.. of T: x0.. are the column's elements so far, by fours. */
function solveStrip(n: number): string {
  const rows = range(STRIP).map((r) => {
    const i = STRIP * n + r;
    const [fourth, within] = [i >> 2, i % 4];
    const known = range(fourth)
      .map((f) => ` - dot(strip[${r * 16 + f}u], x${f})`)
      .join('');
    const last = ['x', 'y', 'z'].slice(0, within).map((c) => ` - strip[${r * 16 + fourth}u].${c} * x${fourth}.${c}`);
    return `
    ${within === 0 ? `var x${fourth} = vec4f();` : ''}
    x${fourth}.${'xyzw'[within]} = select(0.0, 1.0, local == ${i}u)${known}${last.join('')};`;
  });
  return `
  {
    let along = local & 15u;
    let down = ${4 * n}u + (local >> 4u);
    let decay = decayTile(down, along);
    for (var m = 0u; m < 4u; m++) {
      strip[(4u * (local >> 4u) + m) * 16u + along] =
        rates[4u * down + m] * decay[m] * products[products0 + (4u * down + m) * ${CHUNK / 4}u + along];
    }
  }
  workgroupBarrier();
  ${rows.join('')}
  ${n + 1 < CHUNK / STRIP ? 'workgroupBarrier();' : ''}
  ${[0, 2].map((f) => `inverses[out + ${2 * n + f / 2}u] = packed(scale * x${4 * n + f}, scale * x${4 * n + f + 1});`).join('\n')}`;
}

/** -> T in f16, column by column, [B Nv, chunks, 64, 64], for kernels only. */
export function deltaInverses(
  { k, v, rate, products, logDecay }: DeltaSystemsInputs,
  dispatch: typeof run = run,
): tf.Tensor {
  const [batch, heads, length] = v.shape;
  const chunks = Math.ceil(length / CHUNK);
  return dispatch({
    program: programOf(logDecay !== null),
    inputs: [rate, products, ...(logDecay === null ? [] : [logDecay])],
    outputs: [{ shape: [(batch * heads * chunks * CHUNK * CHUNK) / 2] }],
    uniforms: [length, chunks, heads / k.shape[1]],
    workgroups: [chunks, batch * heads],
  })[0];
}

export function samples(): Program[] {
  return [false, true].map(programOf);
}
