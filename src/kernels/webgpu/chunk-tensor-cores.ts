// What the f16 kernels of chunked linear attention share: operands as they lie in memory, tiles of halves, and pieces of a product of
// 32 x 32, one a subgroup, as four 16 x 16 matrices.
// What counts is workgroup memory, as in attention-tensor-cores.ts: of the 48 KiB that a multiprocessor has for all its workgroups
// one takes a third at most. So operands come in slices of 32 along the contraction, f32 ones are rounded on the way into their
// tile, and sums, where their elements are wanted, take the tiles' place.
import type * as tf from '#tfjs';
import { CHUNK } from './chunk-tiles.js';
import { operandOf, type Held } from './held.js';
import { usesTensorCores } from './precision.js';

/** Whether the f16 kernels are asked for and take rows of these lengths: whole matrices. */
export function chunksOnTensorCores(...dims: number[]): boolean {
  return usesTensorCores() && fitsMatrices(...dims);
}

export function fitsMatrices(...dims: number[]): boolean {
  return dims.every((dim) => dim % 16 === 0);
}

/** Tensors that one kernel reads alike: their words where all are packed. */
export function operandsOf(...tensors: tf.Tensor[]): {
  readonly buffers: readonly tf.TensorInfo[];
  readonly held: Held;
} {
  const operands = tensors.map(operandOf);
  return operands.every(({ held }) => held === 'f16')
    ? { buffers: operands.map(({ buffer }) => buffer), held: 'f16' }
    : { buffers: tensors, held: 'f32' };
}

/** Vectors of 16 bytes from row to row of a tile of halves: one more than the row has, so that rows begin in different banks. */
export const strideOf = (columns: number) => columns / 8 + 1;

export const MATRIX_HEADER = /* wgsl */ `
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sum = subgroup_matrix_result<f32, 16, 16>;
/** Eight neighbours of a row. */
struct Eight { a: vec4f, b: vec4f }

fn packed(x: Eight) -> vec4u {
  return vec4u(pack2x16float(x.a.xy), pack2x16float(x.a.zw), pack2x16float(x.b.xy), pack2x16float(x.b.zw));
}
fn unpacked(x: vec4u) -> Eight {
  return Eight(vec4f(unpack2x16float(x.x), unpack2x16float(x.y)), vec4f(unpack2x16float(x.z), unpack2x16float(x.w)));
}
fn scaled(x: Eight, factor: f32) -> Eight { return Eight(x.a * factor, x.b * factor); }
fn product(x: Eight, y: Eight) -> Eight { return Eight(x.a * y.a, x.b * y.b); }
`;

/** The binding's elements, and what `rowAt` gives of them. */
export const bindingOf = (held: Held) => (held === 'f32' ? 'array<vec4f>' : 'array<vec4u>');

/** A function that gives the vector `eighth` of row `row` of \`buffer\` [.., columns] as it lies there. */
export function readEight(name: string, buffer: string, held: Held, columns: number): string {
  return held === 'f32'
    ? `fn ${name}(row: u32, eighth: u32) -> Eight {
  let at = row * ${columns / 4}u + 2u * eighth;
  return Eight(${buffer}[at], ${buffer}[at + 1u]);
}`
    : `fn ${name}(row: u32, eighth: u32) -> vec4u { return ${buffer}[row * ${columns / 8}u + eighth]; }`;
}

/** What was read, as numbers and as halves. */
export const numbers = (held: Held, x: string) => (held === 'f32' ? x : `unpacked(${x})`);
export const halves = (held: Held, x: string) => (held === 'f32' ? `packed(${x})` : x);

export const range = (count: number) => [...Array(count).keys()];
export const lines = (count: number, line: (i: number) => string) => range(count).map(line).join('\n');

/** The vector n that an invocation moves of a tile: WGSL of its row, and of its place in it. */
export interface Move {
  readonly n: number;
  readonly row: string;
  readonly eighth: string;
}

/**
 * The text for each vector that an invocation moves of `rows` of `perRow` vectors, a multiple of `threads` in all. The eight invocations that store at once
 * take a row, or, of rows of four vectors, two rows that are four apart, which begin in different banks.
 */
export function eachMove(rows: number, perRow: number, threads: number, text: (move: Move) => string): string {
  return lines((rows * perRow) / threads, (n) => {
    const i = n === 0 ? 'local' : `(local + ${n * threads}u)`;
    const row = perRow === 4 ? `(${i} / 32u * 8u + ${i} % 32u / 8u + ${i} % 8u / 4u * 4u)` : `(${i} / ${perRow}u)`;
    return text({ n, row, eighth: `(${i} % ${perRow}u)` });
  });
}

/** The four matrices of a subgroup's piece. */
export function eachMatrix(statement: (i: number, j: number) => string): string {
  return range(2)
    .flatMap((i) => range(2).map((j) => statement(i, j)))
    .join('\n');
}

export const DECLARE_SUMS = eachMatrix((i, j) => `var sum${i}${j} = Sum();`);

/** A tile in workgroup memory, in vectors of 16 bytes. `steps`: its rows are those of the contraction; `outer`: of the product. */
export interface Tile {
  readonly at: number;
  readonly stride: number;
  readonly rows: 'steps' | 'outer';
}

/** sum += left x right over `steps` of the contraction, for the subgroup's piece at `down`, `along`. */
export function multiplyTiles(left: Tile, right: Tile, steps: number): string {
  return lines(steps / 16, (step) => {
    const operands = range(2)
      .flatMap((i) => [
        `let a${i} = ${loadOperand('Left', left, `down + ${16 * i}u`, 16 * step)};`,
        `let b${i} = ${loadOperand('Right', right, `along + ${16 * i}u`, 16 * step)};`,
      ])
      .join('\n');
    return `{ ${operands}
      ${eachMatrix((i, j) => `sum${i}${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, sum${i}${j});`)} }`;
  });
}

function loadOperand(type: 'Left' | 'Right', { at, stride, rows }: Tile, outer: string, step: number): string {
  const place =
    rows === 'outer' ? `${at + step / 8}u + (${outer}) * ${stride}u` : `${at + step * stride}u + (${outer}) / 8u`;
  const order = (type === 'Left') === (rows === 'outer') ? 'row_major' : 'col_major';
  return `subgroupMatrixLoad<${type}, ${order}>(&memory, ${place}, ${stride}u)`;
}

/** Of a matrix of sums in workgroup memory, in vectors of 16 bytes. */
export const SUM_STRIDE = 5;
export const SUM_SIZE = 16 * SUM_STRIDE;

/**
 * Stores the subgroup's piece of a tile to `o`, an array of f32 whose rows have `columns`. Whole matrices go straight there; in a
 * chunk that is not whole, by way of workgroup memory, one at a time. `row` and `column` of the tile, `inside` rows of it.
 */
export function storePiece(buffer: string, columns: number, edges: boolean): string {
  const at = (i: number, j: number) => `(outRow + down + ${16 * i}u) * ${columns}u + outColumn + along + ${16 * j}u`;
  const guard = (j: number) => (edges ? `if (outColumn + along + ${16 * j}u < ${columns}u) ` : '');
  return `if (inside >= ${CHUNK}u) {
    ${eachMatrix((i, j) => `${guard(j)}{ subgroupMatrixStore<row_major>(&${buffer}, ${at(i, j)}, sum${i}${j}, ${columns}u); }`)}
  } else {
    let corner = local / 32u * ${SUM_SIZE}u;
    let line = local % 32u / 2u;
    let side = local % 2u;
    ${eachMatrix(
      (i, j) => `workgroupBarrier();
    subgroupMatrixStore<row_major>(&memory, corner, sum${i}${j}, ${SUM_STRIDE}u);
    workgroupBarrier();
    if (down + ${16 * i}u + line < inside && outColumn + along + ${16 * j}u < ${columns}u) {
      let at = ${at(i, j)} + line * ${columns}u + 8u * side;
      for (var m = 0u; m < 2u; m++) {
        let four = bitcast<vec4f>(memory[corner + line * ${SUM_STRIDE}u + 2u * side + m]);
        for (var n = 0u; n < 4u; n++) { ${buffer}[at + 4u * m + n] = four[n]; }
      }
    }`,
    )}
  }`;
}
