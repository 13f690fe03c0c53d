// Products y = x W^T for the few rows of a decoding step: a weight [N, K] is read once, in f32 or packed f16, with f32 sums. Each
// team of 32 threads takes one row of W at a time and multiplies it with all the rows of x, which lie in cache.
//   each:   y_i = x W_i^T for up to three weights (q, k and v), one workgroup's rows in one of them
//   plus:   y = residual + x W^T
//   swiglu: y = silu(n G^T) * (n U^T),  n = x / sqrt(mean(x^2) + eps) * w: the norm's factor of a row is one for all its products, so
//           that a workgroup multiplies with x * w and applies the factor to the sums
//   Bytes: the weights once. FLOPs: 2 R N K a weight, far below what the bytes take.
import type { Program } from './runner.js';

/** The most rows of x, and weights of one input. */
export const MOST_ROWS = 8;
export const MOST_WEIGHTS = 3;
const TEAM = 32;
const TEAMS = 8;
const THREADS = TEAM * TEAMS;
export const ROWS_PER_WORKGROUP = TEAMS;

export interface MatVecVariant {
  readonly rows: number;
  readonly half: boolean;
}

/** Whether the products of several weights are tensors of their own, or lie side by side in one. */
export type Products = 'apart' | 'joined';

/**
 * Inputs x [rows, K] and `weights` matrices, as many outputs [rows, N] or one [rows, sum of N]; uniforms K and the Ns. Workgroups: those of the first weight,
 * then those of the second. K is a multiple of four, or of eight where the weights are packed; so below.
 */
export function matVecProgram({ rows, half }: MatVecVariant, weights = 1, products: Products = 'apart'): Program {
  const sumOf = (count: number, term: (i: number) => string) => counted(count, term).join(' + ');
  const choose = (body: (i: number) => string) =>
    weights === 1
      ? body(0)
      : `switch which { ${counted(weights, (i) => `${i === weights - 1 ? 'default' : `case ${i}u`}: { ${body(i)} }`).join(' ')} }`;
  const outputs = products === 'joined' ? 1 : weights;
  const store = (row: number) =>
    products === 'joined'
      ? `y0[${row}u * (${sumOf(weights, (i) => `p.N${i}`)}) + before + n] = y_${row};`
      : choose((i) => `y${i}[${row}u * N + n] = y_${row};`);
  return {
    key: `matvec/${products}/${weights}/${rows}/${half ? 'half' : 'f32'}`,
    wgsl: () => `
struct Shape { K: u32, ${counted(weights, (i) => `N${i}: u32`).join(', ')} }
${declare(
  ['x: vec4f', ...counted(weights, (i) => `W${i}: ${vectorOf(half)}`)],
  counted(outputs, (i) => `y${i}: f32`),
)}
fn groupsOf(rows: u32) -> u32 { return (rows + ${TEAMS - 1}u) / ${TEAMS}u; }
fn weightAt(which: u32, i: u32) -> ${vectorOf(half)} { ${choose((i) => `return W${i}[i];`)} }
fn xAt(i: u32) -> vec4f { return x[i]; }
${TEAM_SUM}
${MAIN} {
  ${TEAM_INDICES}
  // Which weight, the workgroups and the columns before it, and its rows.
  var which = 0u;
  var start = 0u;
  var before = 0u;
  var N = p.N0;
  ${counted(weights - 1, (i) => {
    const [groups, columns] = [sumOf(i + 1, (j) => `groupsOf(p.N${j})`), sumOf(i + 1, (j) => `p.N${j}`)];
    return `if (group.x >= ${groups}) { which = ${i + 1}u; start = ${groups}; before = ${columns}; N = p.N${i + 1}; }`;
  }).join('\n  ')}
  let n = (group.x - start) * ${TEAMS}u + team;
  ${productsOf(rows, half, ['weightAt(which, '])}
  ${counted(
    rows,
    (r) => `
  let y_${r} = teamSum(lid, sum0_${r});
  if (lane == 0u && n < N) { ${store(r)} }`,
  ).join('')}
}`,
  };
}

/** Inputs x, W and the residual [rows, N], output [rows, N]; uniforms K and N. */
export function matVecPlusProgram({ rows, half }: MatVecVariant): Program {
  return {
    key: `matvec/plus/${rows}/${half ? 'half' : 'f32'}`,
    wgsl: () => `
struct Shape { K: u32, N: u32 }
${declare(['x: vec4f', `W: ${vectorOf(half)}`, 'residual: f32'], ['y: f32'])}
fn weightAt(i: u32) -> ${vectorOf(half)} { return W[i]; }
fn xAt(i: u32) -> vec4f { return x[i]; }
${TEAM_SUM}
${MAIN} {
  ${TEAM_INDICES}
  let N = p.N;
  let n = group.x * ${TEAMS}u + team;
  ${productsOf(rows, half, ['weightAt('])}
  ${counted(
    rows,
    (r) => `
  let y_${r} = teamSum(lid, sum0_${r});
  if (lane == 0u && n < N) { y[${r}u * N + n] = residual[${r}u * N + n] + y_${r}; }`,
  ).join('')}
}`,
  };
}

/** Inputs x, the norm's weight [K], G and U [N, K], output [rows, N]; uniforms K, N and the norm's epsilon. */
export function matVecSwiGluProgram({ rows, half }: MatVecVariant): Program {
  return {
    key: `matvec/swiglu/${rows}/${half ? 'half' : 'f32'}`,
    wgsl: () => `
struct Shape { K: u32, N: u32, epsilon: f32 }
${declare(['x: vec4f', 'w: vec4f', `G: ${vectorOf(half)}`, `U: ${vectorOf(half)}`], ['y: f32'])}
fn gateAt(i: u32) -> ${vectorOf(half)} { return G[i]; }
fn upAt(i: u32) -> ${vectorOf(half)} { return U[i]; }
fn xAt(i: u32) -> vec4f { return x[i] * w[i % (p.K / 4u)]; }
${TEAM_SUM}
fn factorOf(lid: u32, row: u32) -> f32 {
  var squares = 0.0;
  for (var i = lid; i < p.K / 4u; i += ${THREADS}u) {
    let value = x[row * (p.K / 4u) + i];
    squares += dot(value, value);
  }
  partial[lid] = squares;
  workgroupBarrier();
  for (var reach = ${THREADS / 2}u; reach > 0u; reach /= 2u) {
    if (lid < reach) { partial[lid] += partial[lid + reach]; }
    workgroupBarrier();
  }
  let all = partial[0];
  workgroupBarrier();
  return inverseSqrt(all / f32(p.K) + p.epsilon);
}
${MAIN} {
  ${TEAM_INDICES}
  let N = p.N;
  let n = group.x * ${TEAMS}u + team;
  ${productsOf(rows, half, ['gateAt(', 'upAt('])}
  ${counted(
    rows,
    (r) => `
  let factor_${r} = factorOf(lid, ${r}u);
  let gate_${r} = factor_${r} * teamSum(lid, sum0_${r});
  let up_${r} = factor_${r} * teamSum(lid, sum1_${r});
  if (lane == 0u && n < N) { y[${r}u * N + n] = gate_${r} / (1.0 + exp(-max(gate_${r}, -87.0))) * up_${r}; }`,
  ).join('')}
}`,
  };
}

const counted = <T>(count: number, item: (i: number) => T) => Array.from({ length: count }, (_, i) => item(i));
const vectorOf = (half: boolean) => (half ? 'vec4u' : 'vec4f');

function declare(reads: readonly string[], writes: readonly string[]): string {
  const variables = [
    ...reads.map((variable) => `var<storage, read> ${variable.replace(/: (.*)/, ': array<$1>')};`),
    ...writes.map((variable) => `var<storage, read_write> ${variable.replace(/: (.*)/, ': array<$1>')};`),
    'var<uniform> p: Shape;',
  ];
  return variables.map((variable, binding) => `@group(0) @binding(${binding}) ${variable}`).join('\n');
}

const MAIN = `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32)`;

const TEAM_INDICES = `let team = lid / ${TEAM}u;
  let lane = lid % ${TEAM}u;`;

/** The sum over a team, for its first thread; all invocations must call it. */
const TEAM_SUM = `
var<workgroup> partial: array<f32, ${THREADS}>;
fn teamSum(lid: u32, value: f32) -> f32 {
  partial[lid] = value;
  workgroupBarrier();
  for (var reach = ${TEAM / 2}u; reach > 0u; reach /= 2u) {
    if (lid % ${TEAM}u < reach) { partial[lid] += partial[lid + reach]; }
    workgroupBarrier();
  }
  let sum = partial[lid];
  workgroupBarrier();
  return sum;
}`;

/** A thread's share of row n of each weight times the rows of x, sum{weight}_{row}; behind the last row it is computed again. */
function productsOf(rows: number, half: boolean, weights: readonly string[]): string {
  const width = half ? 8 : 4;
  const at = (r: number) => `(${r}u * p.K + k) / 4u`;
  const product = (weight: number, r: number) =>
    half
      ? `sum${weight}_${r} += dot(x${r}, vec4f(unpack2x16float(w${weight}.x), unpack2x16float(w${weight}.y)))
        + dot(high${r}, vec4f(unpack2x16float(w${weight}.z), unpack2x16float(w${weight}.w)));`
      : `sum${weight}_${r} += dot(x${r}, w${weight});`;
  return `
  let row = min(n, N - 1u) * p.K;
  ${weights.flatMap((_, i) => counted(rows, (r) => `var sum${i}_${r} = 0.0;`)).join('\n  ')}
  for (var k = lane * ${width}u; k < p.K; k += ${TEAM * width}u) {
    ${weights.map((weight, i) => `let w${i} = ${weight}(row + k) / ${width}u);`).join('\n    ')}
    ${counted(
      rows,
      (r) => `let x${r} = xAt(${at(r)});${half ? ` let high${r} = xAt(${at(r)} + 1u);` : ''}
    ${weights.map((_, i) => product(i, r)).join('\n    ')}`,
    ).join('\n    ')}
  }`;
}

export function samples(): Program[] {
  return [1, 4, MOST_ROWS].flatMap((rows) =>
    [false, true].flatMap((half) => [
      ...counted(MOST_WEIGHTS, (i) => matVecProgram({ rows, half }, i + 1)),
      matVecProgram({ rows, half }, MOST_WEIGHTS, 'joined'),
      matVecPlusProgram({ rows, half }),
      matVecSwiGluProgram({ rows, half }),
    ]),
  );
}
