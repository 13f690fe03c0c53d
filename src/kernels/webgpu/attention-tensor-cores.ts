// The f16 kernels of windowed attention have one scheme. Subgroups of 32 own the rows of a block (queries, or keys in the gradient of
// the keys), 16 each; what belongs to the rows stays in subgroup matrices, and so do the f32 sums. The other side streams in tiles of
// two tensors, converted to f16. A subgroup matrix has no elements that WGSL can see: logits go to workgroup memory, become f16
// weights in their own place, and are read as a matrix again.
// What counts is workgroup memory: a multiprocessor of an H100 gave 48 KiB of it to all its workgroups together. So tiles are there
// once, weights take the logits' place, and a workgroup has 24 KiB at most, so that two run at once and one computes
// while the other waits at a barrier: three barriers a tile forward, four in the gradients.
// Lane 2 r + h of a subgroup works on one row, in tiles of 32 on all columns of matrix h, in tiles of 16 on eight columns of the
// only one, always in whole vectors. A row's maximum is a shuffle away.
import { unrolled } from './attention-sizes.js';
import type { Activation, AttentionConstants } from './attention-sizes.js';

/** Rows that a subgroup has. */
const SUBGROUP_ROWS = 16;
/** Tiles move and lie in vectors of eight f16, 16 bytes. */
const VECTOR = 8;

/** Bytes of workgroup memory that a kernel has at most. */
export const ATTENTION_MEMORY = 24 * 1024;

export const TENSOR_CORE_HEADER = /* wgsl */ `
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
`;

/** As `sigmoid2`, of four. */
export const SIGMOID_OF_VECTORS = /* wgsl */ `
fn sigmoid2x4(y: vec4f) -> vec4f { return 1.0 / (1.0 + exp2(min(-y, vec4f(100.0)))); }`;

/** Workgroup memory for the rows of a block by the columns of a tile: sums in f16 or f32, in whose place f16 weights come. */
export interface RowMemory {
  readonly name: string;
  readonly held: 'f16' | 'f32';
  /** Vectors of 16 bytes from row to row: one more than the row has, so that rows begin in different banks. */
  readonly stride: number;
}

export interface MatrixTiling {
  readonly dim: number;
  /** Tokens of the other side in a tile. */
  readonly tile: 16 | 32;
  /** Vectors from row to row of a tile. */
  readonly tileStride: number;
  /** Rows of the workgroup, and its invocations. */
  readonly rows: number;
  readonly threads: number;
  readonly logits: RowMemory;
}

export interface GradientTiling extends MatrixTiling {
  readonly dWeights: RowMemory;
}

export function fitsTensorCores(dim: number): boolean {
  return dim % 16 === 0 && dim <= 128;
}

/**
 * Sigmoid's logits are summed and held in f16: where that is coarse, beyond 16, the weight is next to 0 or 1; an infinite one gives
 * 0 or 1. Softmax's largest weights come from its largest logits, which are f32.
 */
const heldLogits = (activation: Activation) => (activation === 'sigmoid' ? 'f16' : 'f32');

export function forwardTiling({ dim, activation }: AttentionConstants): MatrixTiling {
  const held = heldLogits(activation);
  const tile = dim > 64 && held === 'f32' ? 16 : 32;
  const logits = rowMemory('logits', held, tile);
  return { ...tilingOf(dim, tile, [logits], dim > 64 ? 4 : 8), logits };
}

export function gradientTiling({ dim, activation }: AttentionConstants): GradientTiling {
  const tile = dim > 64 ? 16 : 32;
  const logits = rowMemory('logits', heldLogits(activation), tile);
  const dWeights = rowMemory('dWeights', 'f32', tile);
  return { ...tilingOf(dim, tile, [logits, dWeights], 4), logits, dWeights };
}

function rowMemory(name: string, held: 'f16' | 'f32', tile: number): RowMemory {
  return { name, held, stride: matrices(tile) * vectorsAcross(held) + 1 };
}

/** As many subgroups as have memory, up to `most`: beyond, registers are the fewer. A vector is kept for a kernel's own use. */
function tilingOf(dim: number, tile: 16 | 32, memories: readonly RowMemory[], most: number) {
  const tileStride = dim / VECTOR + 1;
  const vectorsOfRow = memories.reduce((sum, { stride }) => sum + stride, 0);
  const left = ATTENTION_MEMORY / 16 - 2 * tile * tileStride - 1;
  const subgroups = Math.min(most, Math.floor(left / (SUBGROUP_ROWS * vectorsOfRow)));
  return { dim, tile, tileStride, rows: subgroups * SUBGROUP_ROWS, threads: 32 * subgroups };
}

/** Matrices of 16 x 16 in a length. */
const matrices = (length: number) => length / 16;

/** Vectors of a matrix's row. */
const vectorsAcross = (held: 'f16' | 'f32') => (held === 'f16' ? 2 : 4);

/** Declares the tiles, and `put`, which stores eight elements. */
export function tilesWgsl({ tile, tileStride }: MatrixTiling): string {
  return memoryWgsl('tiles', 2 * tile * tileStride);
}

export function rowMemoryWgsl({ rows }: MatrixTiling, { name, stride }: RowMemory): string {
  return memoryWgsl(name, rows * stride);
}

/** `put` stores eight f16, `copy` those that are packed; `f32` and `f16` read the vector of four i from a matrix's row that begins at `at`. */
function memoryWgsl(name: string, vectors: number): string {
  return /* wgsl */ `
var<workgroup> ${name}: array<vec4u, ${vectors}>;
fn ${name}_put(at: u32, x: vec4f, y: vec4f) {
  ${name}[at] = vec4u(bitcast<vec2u>(vec4<f16>(x)), bitcast<vec2u>(vec4<f16>(y)));
}
fn ${name}_copy(at: u32, halves: vec4u) {
  ${name}[at] = halves;
}
fn ${name}_f32(at: u32, i: u32) -> vec4f {
  return bitcast<vec4f>(${name}[at + i]);
}
fn ${name}_f16(at: u32, i: u32) -> vec4f {
  return vec4f(bitcast<vec4<f16>>(select(${name}[at + i / 2].xy, ${name}[at + i / 2].zw, i % 2 == 1)));
}
fn ${name}_scale(at: u32, i: u32, x: f32) {
  ${name}[at + i] = bitcast<vec4u>(bitcast<vec4f>(${name}[at + i]) * x);
}`;
}

export interface Stream {
  /** The two tensors, and what the first is multiplied with. */
  readonly tensors: readonly [string, string];
  readonly scale: string;
  /** They lie in vectors of eight f16 in place of four f32. */
  readonly packed?: boolean;
  /** WGSL of where the head begins, of the stride from token to token, and of the number of tokens. */
  readonly base: string;
  readonly token: string;
  readonly tokens: string;
}

/** The first or the second tensor of a stream, or its tile. */
export type Which = 0 | 1;

/** Vectors of one tile that a thread carries from device memory. */
function fetches({ tile, dim, threads }: MatrixTiling): number {
  return Math.ceil((tile * dim) / VECTOR / threads);
}

/** Declares the registers that a thread fetches into. */
export function declareFetched(tiling: MatrixTiling, { packed = false }: Pick<Stream, 'packed'> = {}): string {
  return unrolled(fetches(tiling), (n) =>
    packed
      ? `var x${n} = vec4u(); var y${n} = vec4u();`
      : `var x${n} = vec4f(); var nextX${n} = vec4f(); var y${n} = vec4f(); var nextY${n} = vec4f();`,
  );
}

/** Reads a tile from token `first` on; beyond the end the last token is read again. */
export function fetchTile(tiling: MatrixTiling, stream: Stream, which: Which, first: string): string {
  const [tensor, to] = [stream.tensors[which], 'xy'[which]!];
  const vectors = tiling.dim / VECTOR;
  return eachFetch(tiling, (n, i) => {
    const at = `${stream.base} + min(${first} + ${i} / ${vectors}, ${stream.tokens} - 1) * ${stream.token} + ${i} % ${vectors} * 2`;
    if (stream.packed === true) return `${to}${n} = ${tensor}[(${at}) / 2];`;
    return `let at = ${at};
      ${to}${n} = ${tensor}[at]; next${to.toUpperCase()}${n} = ${tensor}[at + 1];`;
  });
}

/** Stores what was fetched as the tile; what is packed is not scaled. */
export function putTile(tiling: MatrixTiling, stream: Stream, which: Which): string {
  const from = 'xy'[which]!;
  const scaled = (x: string) => (which === 0 ? `${x} * ${stream.scale}` : x);
  const vectors = tiling.dim / VECTOR;
  return eachFetch(
    tiling,
    (n, i) => `let at = ${tileAt(tiling, which)} + ${i} / ${vectors} * ${tiling.tileStride} + ${i} % ${vectors};
      ${stream.packed === true ? `tiles_copy(at, ${from}${n});` : `tiles_put(at, ${scaled(`${from}${n}`)}, ${scaled(`next${from.toUpperCase()}${n}`)});`}`,
  );
}

const tileAt = ({ tile, tileStride }: MatrixTiling, which: Which) => which * tile * tileStride;

function eachFetch(tiling: MatrixTiling, text: (n: number, i: string) => string): string {
  const { tile, dim, threads } = tiling;
  const size = (tile * dim) / VECTOR;
  return unrolled(fetches(tiling), (n) => {
    const guard = (n + 1) * threads <= size ? '' : `if (me < ${size - n * threads}) `;
    return `${guard}{ ${text(n, `(me + ${n * threads})`)} }`;
  });
}

/** Loads the rows' own operand `tensor`, times `scale`, into matrices `name`<column>, by way of `memory`, as many at a time as fit. */
export function loadRows(
  tiling: MatrixTiling,
  memory: RowMemory,
  name: string,
  tensor: string,
  stream: Omit<Stream, 'tensors'>,
): string {
  const { rows, dim, threads } = tiling;
  return unrolledGroups(matrices(dim), Math.floor((memory.stride - 1) / 2), (first, count) => {
    const vectors = 2 * count;
    return /* wgsl */ `for (var i = me; i < ${rows * vectors}; i += ${threads}) {
    let at = ${stream.base} + min(block + i / ${vectors}, ${stream.tokens} - 1) * ${stream.token} + (${2 * first} + i % ${vectors}) * 2;
    ${eight(tensor, stream)}
    ${memory.name}_put(i / ${vectors} * ${memory.stride} + i % ${vectors}, low * ${stream.scale}, high * ${stream.scale});
  }
  workgroupBarrier();
  ${unrolled(count, (d) => `let ${name}${first + d} = ${load('left', memory.name, ownRows(memory, 2 * d), memory.stride)};`)}
  workgroupBarrier();`;
  });
}

/** Declares `low` and `high`, the eight elements of the tensor from vector `at` on. */
function eight(tensor: string, { packed = false }: Pick<Stream, 'packed'>): string {
  if (!packed) return `let low = ${tensor}[at];\n    let high = ${tensor}[at + 1];`;
  return `let halves = ${tensor}[at / 2];
    let low = vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));
    let high = vec4f(unpack2x16float(halves.z), unpack2x16float(halves.w));`;
}

/** The text for each group of up to `most` out of `count`. */
function unrolledGroups(count: number, most: number, text: (first: number, count: number) => string): string {
  return unrolled(Math.ceil(count / most), (n) => text(n * most, Math.min(most, count - n * most)));
}

/** Where the subgroup's rows begin, and then a vector of them. */
function ownRows({ stride }: RowMemory, vector: number): string {
  return `subgroup * ${SUBGROUP_ROWS * stride} + ${vector}`;
}

/** Declares the f32 sums `name`<column> over the rows and D. */
export function declareSums({ dim }: MatrixTiling, name: string): string {
  return unrolled(matrices(dim), (d) => `var ${name}${d} = ${result('f32')}();`);
}

/** memory = rows x tile^T, the subgroup's own rows. */
export function multiplyByTile(tiling: MatrixTiling, memory: RowMemory, rows: string, which: Which): string {
  const { dim, tile, tileStride } = tiling;
  const { name, held, stride } = memory;
  const tokens = (c: number, d: number) => tileAt(tiling, which) + 16 * c * tileStride + 2 * d;
  return unrolled(
    matrices(tile),
    (c) => `{
      var sum = ${result(held)}();
      ${unrolled(matrices(dim), (d) => accumulate('sum', `${rows}${d}`, load('right', 'tiles', tokens(c, d), tileStride, 'col_major')))}
      ${store(name, ownRows(memory, vectorsAcross(held) * c), 'sum', stride)}
    }`,
  );
}

/** sums += weights x tile, the subgroup's own rows; the weights lie where the logits lay. */
export function addWeighted(tiling: MatrixTiling, sums: string, memory: RowMemory, which: Which): string {
  const { dim, tile, tileStride } = tiling;
  const { name, held, stride } = memory;
  const tokens = (k: number, d: number) => tileAt(tiling, which) + 16 * k * tileStride + 2 * d;
  return unrolled(
    matrices(tile),
    (k) => `{
      let weight = ${load('left', name, ownRows(memory, vectorsAcross(held) * k), stride)};
      ${unrolled(matrices(dim), (d) => accumulate(`${sums}${d}`, 'weight', load('right', 'tiles', tokens(k, d), tileStride)))}
    }`,
  );
}

/** The sums go through `memory`, as many matrices at a time as fit: `text` is what is done with each, n of those that are there. */
export function throughMemory(
  { dim }: MatrixTiling,
  memory: RowMemory,
  sums: string,
  text: (d: number, n: number) => string,
  after: 'load' | 'leave' = 'leave',
): string {
  const { name, stride } = memory;
  const at = (n: number) => ownRows(memory, 4 * n);
  const loaded = (d: number, n: number) =>
    `${sums}${d} = subgroupMatrixLoad<${result('f32')}, row_major>(&${name}, ${at(n)}, ${stride}u);`;
  return unrolledGroups(
    matrices(dim),
    Math.floor((stride - 1) / 4),
    (first, count) => `${unrolled(count, (n) => store(name, at(n), `${sums}${first + n}`, stride))}
        workgroupBarrier();
        ${unrolled(count, (n) => text(first + n, n))}
        workgroupBarrier();
        ${after === 'load' ? `${unrolled(count, (n) => loaded(first + n, n))}\nworkgroupBarrier();` : ''}`,
  );
}

/** Which of the four vectors of a matrix's row this lane has of the sums: with its neighbour 32 bytes at a time. */
export const VECTORS_OF_SUMS = ['half', 'half + 2'];

/** WGSL of where in `memory` this lane's row of matrix n of the sums begins. */
export function sumsAt({ stride }: RowMemory, n: number): string {
  return `row * ${stride} + ${4 * n}`;
}

/**
 * Declares the row that a lane works on and its first column. The eight lanes that memory serves at once have rows whose vectors lie in
 * different banks: of stride 5 these are 0, 1, 4, 5, of others neighbours.
 */
export function laneWgsl({ tile }: MatrixTiling, { stride }: RowMemory): string {
  const rowOfLane = stride === 5 ? 'me % 4 / 2 + me % 8 / 4 * 4 + me % 16 / 8 * 2 + me % 32 / 16 * 8' : 'me % 32 / 2';
  return /* wgsl */ `let subgroup = me / 32;
  let row = subgroup * ${SUBGROUP_ROWS} + ${rowOfLane};
  let half = me % 2;
  let column = half * ${tile / 2};`;
}

/** The text for each four columns that a lane has, from column + 4 g on. */
export function eachFour({ tile }: MatrixTiling, text: (g: number) => string): string {
  return unrolled(tile / 8, text);
}

/** The four logits g of this lane. */
export function fourOf({ tile }: MatrixTiling, { name, held, stride }: RowMemory, g: number): string {
  return tile === 32
    ? `${name}_${held}(row * ${stride} + half * ${vectorsAcross(held)}, ${g})`
    : `${name}_${held}(row * ${stride}, half * 2 + ${g})`;
}

/** Stores this lane's weights, given by the names of their vectors of four, where its logits lay. */
export function putWeights(
  tiling: MatrixTiling,
  { name, held, stride }: RowMemory,
  four: (g: number) => string,
): string {
  const first = `row * ${stride} + half * ${tiling.tile === 32 ? vectorsAcross(held) : 1}`;
  return unrolled(tiling.tile / 16, (v) => `${name}_put(${first} + ${v}, ${four(2 * v)}, ${four(2 * v + 1)});`);
}

/** In f32 tiles of 16 a lane's weights come where its neighbour's logits lie: these must have been read. */
export function weightsMeetLogits({ tile }: MatrixTiling, { held }: RowMemory): boolean {
  return tile === 16 && held === 'f32';
}

/** Sums start with an explicit zero: Dawn sets a variable without an initialiser to zero once, not each time round a loop. */
const result = (held: 'f16' | 'f32') => `subgroup_matrix_result<${held}, 16, 16>`;

function load(side: 'left' | 'right', from: string, at: string | number, stride: number, major = 'row_major'): string {
  return `subgroupMatrixLoad<subgroup_matrix_${side}<f16, 16, 16>, ${major}>(&${from}, ${at}, ${stride}u)`;
}

function store(to: string, at: string, matrix: string, stride: number): string {
  return `subgroupMatrixStore<row_major>(&${to}, ${at}, ${matrix}, ${stride}u);`;
}

function accumulate(sum: string, left: string, right: string): string {
  return `${sum} = subgroupMatrixMultiplyAccumulate(${left}, ${right}, ${sum});`;
}
