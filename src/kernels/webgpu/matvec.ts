// y = x W^T for the few rows of a decoding step: W [N, K] is read once, in f32 or packed f16, with f32 sums. Each subgroup-sized
// team of 32 threads takes one row of W at a time and multiplies it with all the rows of x, which lie in cache.
//   Bytes: W once. FLOPs: 2 R N K, far below what the bytes take.
import type { Program } from './runner.js';

/** The most rows of x. */
export const MOST_ROWS = 8;
const TEAM = 32;
const TEAMS = 8;
export const ROWS_PER_WORKGROUP = TEAMS;

export interface MatVecVariant {
  readonly rows: number;
  readonly half: boolean;
}

/** Inputs x [rows, K] and W, output y [rows, N]; uniforms N, K. K is a multiple of four, or of eight where W is packed. */
export function matVecProgram({ rows, half }: MatVecVariant): Program {
  return { key: `matvec/${rows}/${half ? 'half' : 'f32'}`, wgsl: () => source(rows, half) };
}

const lines = (count: number, line: (i: number) => string) => [...Array(count).keys()].map(line).join('\n');

function source(rows: number, half: boolean): string {
  const width = half ? 8 : 4;
  const products = half
    ? lines(
        rows,
        (r) => `{
      let low = x[(${r}u * p.K + k) / 4u];
      let high = x[(${r}u * p.K + k) / 4u + 1u];
      sum${r} += dot(low, vec4f(unpack2x16float(w.x), unpack2x16float(w.y)))
        + dot(high, vec4f(unpack2x16float(w.z), unpack2x16float(w.w)));
    }`,
      )
    : lines(rows, (r) => `sum${r} += dot(x[(${r}u * p.K + k) / 4u], w);`);
  return /* wgsl */ `
struct Shape { N: u32, K: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> W: array<${half ? 'vec4u' : 'vec4f'}>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Shape;

var<workgroup> partial: array<f32, ${TEAM * TEAMS}>;

@compute @workgroup_size(${TEAM * TEAMS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  let team = lid / ${TEAM}u;
  let lane = lid % ${TEAM}u;
  let n = group.x * ${TEAMS}u + team;
  let row = min(n, p.N - 1u) * p.K;
  ${lines(rows, (r) => `var sum${r} = 0.0;`)}
  for (var k = lane * ${width}u; k < p.K; k += ${TEAM * width}u) {
    let w = W[(row + k) / ${width}u];
    ${products}
  }
  ${lines(
    rows,
    (r) => `
  partial[lid] = sum${r};
  workgroupBarrier();
  for (var reach = ${TEAM / 2}u; reach > 0u; reach /= 2u) {
    if (lane < reach) { partial[lid] += partial[lid + reach]; }
    workgroupBarrier();
  }
  if (lane == 0u && n < p.N) { y[${r}u * p.N + n] = partial[lid]; }
  workgroupBarrier();`,
  )}
}`;
}

export function samples(): Program[] {
  return [1, 4, MOST_ROWS].flatMap((rows) => [
    matVecProgram({ rows, half: false }),
    matVecProgram({ rows, half: true }),
  ]);
}
