// What the chunked kernels of linear attention share: products of 64 x 64 tiles, in f32 and on tensor cores, and the decays
// between the tokens of a chunk.
//
// f32: 256 invocations, each with a 4 x 4 piece of the product in registers (rows 4 y.., columns 4 x..; a mat4x4f whose "columns"
// are those rows). Both operands stream through workgroup memory, 16 steps of the contraction at a time: 8 KiB.
// Tensor cores: four subgroups of 32, each with a 32 x 32 piece of the product as four 16 x 16 matrices. Operands are 64 x 64
// halves, in vectors of eight and with rows padded by one against bank conflicts: 18 KiB.

import { usesTensorCores } from './precision.js';

/** Tokens of a chunk. */
export const CHUNK = 64;

export interface Tiling {
  /** Products on tensor cores: buffers that one fused block owns hold f16, which is what they take. */
  readonly tensorCores: boolean;
}

/** As the precision that was asked for has it, for rows of these lengths; the tensor cores' kernels move eight neighbours at once. */
export function tilingOf(...dims: number[]): Tiling {
  return { tensorCores: usesTensorCores() && dims.every((dim) => dim % 8 === 0) };
}

export const F32: Tiling = { tensorCores: false };
export const MATRIX: Tiling = { tensorCores: true };

/** For a program's key. */
export function tilingName({ tensorCores }: Tiling): string {
  return tensorCores ? 'matrix' : 'f32';
}

export function enables({ tensorCores }: Tiling): string {
  if (!tensorCores) return '';
  return `enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
`;
}

export function invocations({ tensorCores }: Tiling): number {
  return tensorCores ? 128 : 256;
}

/** Four neighbours of a buffer that one fused block owns. */
export function operand({ tensorCores }: Tiling): 'vec4<f16>' | 'vec4f' {
  return tensorCores ? 'vec4<f16>' : 'vec4f';
}

/** Elements of an f32 tensor that holds `count` operands. */
export function operandElements(count: number, { tensorCores }: Tiling): number {
  return tensorCores ? Math.ceil(count / 2) : count;
}

/** Tiles `left`, [16, rows], and `right`, [16, columns], and the product over their 16 steps. */
export const F32_TILES = `
var<workgroup> left: array<vec4f, 256>;
var<workgroup> right: array<vec4f, 256>;

fn product(y: u32, x: u32, sum: mat4x4f) -> mat4x4f {
  var acc = sum;
  for (var s = 0u; s < 256u; s += 16u) {
    let a = left[s + y];
    let b = right[s + x];
    acc = mat4x4f(fma(vec4f(a.x), b, acc[0]), fma(vec4f(a.y), b, acc[1]), fma(vec4f(a.z), b, acc[2]), fma(vec4f(a.w), b, acc[3]));
  }
  return acc;
}
`;

/** Writes the 4 x 4 `block` to a tile [16, 64]: its rows 4 row.. and columns 4 column... */
export function putBlock(tile: 'left' | 'right' | 'gates', row: string, column: string, block: string): string {
  return [0, 1, 2, 3].map((m) => `${tile}[(4u * (${row}) + ${m}u) * 16u + (${column})] = ${block}[${m}];`).join('\n');
}

/** From row to row of a tile of halves, in vectors of eight, and of the result, in vectors of four. */
export const HALF_ROW = CHUNK / 8 + 1;
export const FLOAT_ROW = CHUNK / 4 + 1;

export const MATRIX_TYPES = `
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sum = subgroup_matrix_result<f32, 16, 16>;

fn packed(first: vec4f, second: vec4f) -> vec4u {
  return vec4u(bitcast<vec2u>(vec4<f16>(first)), bitcast<vec2u>(vec4<f16>(second)));
}
`;

/** Tiles `left` and `right` of halves, and `result`, where the product goes so that invocations see its elements. */
export const MATRIX_TILES = `${MATRIX_TYPES}
var<workgroup> left: array<vec4u, ${CHUNK * HALF_ROW}>;
var<workgroup> right: array<vec4u, ${CHUNK * HALF_ROW}>;
var<workgroup> result: array<vec4f, ${CHUNK * FLOAT_ROW}>;
`;

/** Fills a tile of halves from `read(token, fourth)`, which gives four neighbours of a row. */
export function fillTile(tile: 'left' | 'right', read: (token: string, fourth: string) => string): string {
  return `for (var e = local; e < ${(CHUNK * CHUNK) / 8}u; e += 128u) {
      let t = e >> 3u;
      let fourth = 2u * (e & 7u);
      ${tile}[t * ${HALF_ROW}u + (e & 7u)] = packed(${read('t', 'fourth')}, ${read('t', 'fourth + 1u')});
    }`;
}

/** How a tile is stored: `rows` of the product's own rows (columns), or `steps` of the contraction first. */
type Stored = 'steps' | 'outer';

/** sum += left x right over 64 steps, for the subgroup's piece at `down`, `along` (0 or 32). */
export function matrixProduct(leftStored: Stored, rightStored: Stored): string {
  const a = (i: number) =>
    leftStored === 'outer'
      ? `subgroupMatrixLoad<Left, row_major>(&left, (down + ${16 * i}u) * ${HALF_ROW}u + s, ${HALF_ROW}u)`
      : `subgroupMatrixLoad<Left, col_major>(&left, s * ${8 * HALF_ROW}u + down / 8u + ${2 * i}u, ${HALF_ROW}u)`;
  const b = (j: number) =>
    rightStored === 'steps'
      ? `subgroupMatrixLoad<Right, row_major>(&right, s * ${8 * HALF_ROW}u + along / 8u + ${2 * j}u, ${HALF_ROW}u)`
      : `subgroupMatrixLoad<Right, col_major>(&right, (along + ${16 * j}u) * ${HALF_ROW}u + s, ${HALF_ROW}u)`;
  return `for (var s = 0u; s < 8u; s += 2u) {
    let a0 = ${a(0)};
    let a1 = ${a(1)};
    let b0 = ${b(0)};
    let b1 = ${b(1)};
    ${eachMatrix((i, j) => `sum${i}${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, sum${i}${j});`)}
  }`;
}

export const MATRIX_SUMS = eachMatrix((i, j) => `var sum${i}${j} = Sum();`);
export const STORE_RESULT = eachMatrix(
  (i, j) => `subgroupMatrixStore<row_major>(&result, ${resultAt(i, j)}, sum${i}${j}, ${FLOAT_ROW}u);`,
);
/** The subgroup's piece. */
export const MATRIX_PIECE = `
  let down = 32u * (local >> 6u);
  let along = 32u * ((local >> 5u) & 1u);`;

export function eachMatrix(statement: (i: number, j: number) => string): string {
  return [0, 1].flatMap((i) => [0, 1].map((j) => statement(i, j))).join('\n');
}

function resultAt(i: number, j: number): string {
  return `(down + ${16 * i}u) * ${FLOAT_ROW}u + along / 4u + ${4 * j}u`;
}

/**
 * `decayTile`: for the tokens i of the fourth `down` of a chunk and j of the fourth `along`, the exp of the sum of g over (j, i],
 * 0 where j > i. Every exponent is a sum of g itself, never a difference of two sums: nothing cancels, and none is positive.
 * `gates[f]` has the g of the tokens 4 f.., `gateSums[f]` their sum.
 */
export const DECAY_GATES = `
var<workgroup> gates: array<vec4f, 16>;
var<workgroup> gateSums: array<f32, 16>;

fn setGates(fourth: u32, g: vec4f) {
  gates[fourth] = g;
  gateSums[fourth] = g.x + g.y + g.z + g.w;
}
`;
export const DECAY_TILE = `${DECAY_GATES}
fn decayTile(down: u32, along: u32) -> mat4x4f {
  if (along > down) {
    return mat4x4f();
  }
  let g = gates[down];
  if (along == down) {
    return mat4x4f(
      vec4f(1, 0, 0, 0),
      vec4f(exp(g.y), 1, 0, 0),
      vec4f(exp(g.y + g.z), exp(g.z), 1, 0),
      vec4f(exp(g.y + g.z + g.w), exp(g.z + g.w), exp(g.w), 1),
    );
  }
  let h = gates[along];
  var between = 0.0;
  for (var fourth = along + 1u; fourth < down; fourth++) {
    between += gateSums[fourth];
  }
  let rest = vec4f(h.y + h.z + h.w, h.z + h.w, h.w, 0) + between;
  return mat4x4f(
    exp(rest + g.x), exp(rest + (g.x + g.y)), exp(rest + (g.x + g.y + g.z)), exp(rest + (g.x + g.y + g.z + g.w)),
  );
}
`;

/** Sets the gates to those of the chunk from `first` on; they are read behind the next barrier. */
export const LOAD_GATES = `if (local < 16u) {
    var gate = vec4f();
    for (var m = 0u; m < 4u; m++) {
      let token = first + 4u * local + m;
      if (token < sizes.length) { gate[m] = g[row * sizes.length + token]; }
    }
    setGates(local, gate);
  }`;

/** `fromStart`: exp of the sum of g from the chunk's start up to and with a token; `toEnd`: from behind it. Behind DECAY_TILE. */
export const DECAYS_FROM_ENDS = `
fn fromStart(token: u32) -> f32 {
  var sum = 0.0;
  for (var fourth = 0u; fourth < token / 4u; fourth++) { sum += gateSums[fourth]; }
  for (var m = 0u; m <= token % 4u; m++) { sum += gates[token / 4u][m]; }
  return exp(sum);
}

fn toEnd(token: u32) -> f32 {
  var sum = 0.0;
  for (var fourth = 15u; fourth > token / 4u; fourth--) { sum += gateSums[fourth]; }
  for (var m = 3u; m > token % 4u; m--) { sum += gates[token / 4u][m]; }
  return exp(sum);
}
`;

/** `decayTile` where nothing decays: 1 where j <= i. */
export const CAUSAL_TILE = `
fn decayTile(down: u32, along: u32) -> mat4x4f {
  if (along > down) {
    return mat4x4f();
  }
  if (along == down) {
    return mat4x4f(vec4f(1, 0, 0, 0), vec4f(1, 1, 0, 0), vec4f(1, 1, 1, 0), vec4f(1, 1, 1, 1));
  }
  let one = vec4f(1);
  return mat4x4f(one, one, one, one);
}
`;

/** `beforeTile`: `decayTile` with 0 where j = i, too. */
export const BEFORE_TILE = `
fn beforeTile(down: u32, along: u32) -> mat4x4f {
  let decay = decayTile(down, along);
  if (along != down) {
    return decay;
  }
  return mat4x4f(vec4f(), vec4f(decay[1].x, 0, 0, 0), vec4f(decay[2].xy, 0, 0), vec4f(decay[3].xyz, 0));
}
`;

/** `times`: the product element by element. */
export const TIMES = `
fn times(a: mat4x4f, b: mat4x4f) -> mat4x4f {
  return mat4x4f(a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]);
}
`;

/** A function that reads four neighbours of a row of `rows` [.., length, dim]: zeros outside. */
export function readRow(name: string, buffer: string, dim: number, length = 'sizes.length'): string {
  const inside = dim % CHUNK === 0 ? '' : ` || fourth >= ${dim / 4}u`;
  return `
fn ${name}(row: u32, token: u32, fourth: u32) -> vec4f {
  if (token >= sizes.length${inside}) {
    return vec4f();
  }
  return vec4f(${buffer}[(row * ${length} + token) * ${dim / 4}u + fourth]);
}
`;
}
