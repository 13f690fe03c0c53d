// The f16 kernels of windowed attention have one scheme. Four or eight subgroups of 32 own the rows of a block (queries, or keys in
// the gradient of the keys), 16 each; what belongs to the rows stays in subgroup matrices, and so do the f32 sums. The other side
// streams in tiles of two tensors, converted to f16. A subgroup matrix has no elements that WGSL can see: logits go to workgroup
// memory in f32, become weights there, and come back as f16: two barriers a tile. The gradients have their tiles twice and fill
// one pair while they read the other. The forward pass has them once: behind the first barrier nobody reads the first tensor's any
// more, and nobody reads the second's yet.
// Lane 4 r + c of a subgroup works on rows r + 8 i. In the gradients it has columns c + 4 j, one element at a time: with rows padded
// by 4 words no two lanes meet in a bank. In the forward pass it has eight columns from 8 c on, in whole vectors. A row's maximum
// is two shuffles away in both. All of it lies in the 48 KiB of workgroup memory of an NVIDIA GPU.
import { unrolled } from './attention-sizes.js';

/** Rows that a subgroup has. */
const SUBGROUP_ROWS = 16;
/** Tiles move and lie in vectors of eight f16, 16 bytes. */
const VECTOR = 8;

export const TENSOR_CORE_HEADER = /* wgsl */ `
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
`;

export interface MatrixTiling {
  readonly dim: number;
  /** Subgroups of a workgroup, of 32 invocations each. */
  readonly threads: number;
  /** Rows of a subgroup and of the workgroup. */
  readonly subgroupRows: number;
  readonly rows: number;
  /** Tokens of the other side in a tile. */
  readonly tile: number;
  /** Copies of the two tiles in workgroup memory. */
  readonly copies: 1 | 2;
  /** From row to row in workgroup memory: vectors of eight f16 of a tile, elements of the logits' and of the weights' arrays. */
  readonly tileStride: number;
  readonly logitStride: number;
  readonly weightStride: number;
  /** f32 in an element of the logits' array, f16 in one of the weights' array. */
  readonly logitsHeld: 1 | 4;
  readonly weightsHeld: 1 | 8;
}

/** Rows of a block in the gradients: the sums of two products, or three operands, leave registers for 16 a subgroup. */
const GRADIENT_SUBGROUPS = 4;
export const GRADIENT_BLOCK = GRADIENT_SUBGROUPS * SUBGROUP_ROWS;

export function fitsTensorCores(dim: number): boolean {
  return dim % 16 === 0 && dim <= 128;
}

/** Subgroups in the forward pass; they are many because one workgroup's tiles fill the memory of a multiprocessor. */
function forwardSubgroups(dim: number): number {
  return dim <= 64 ? 8 : 4;
}

/** Queries of a block in the forward pass. */
export function forwardBlock(dim: number): number {
  return forwardSubgroups(dim) * SUBGROUP_ROWS;
}

/** Keys of a tile in the forward pass: a lane of four takes eight. */
const FORWARD_TILE = 32;

export function forwardTiling(dim: number): MatrixTiling {
  return {
    ...rowsOf(dim, forwardSubgroups(dim)),
    tile: FORWARD_TILE,
    copies: 1,
    logitStride: FORWARD_TILE / 4 + 1,
    weightStride: FORWARD_TILE / 8 + 1,
    logitsHeld: 4,
    weightsHeld: 8,
  };
}

export function gradientTiling(dim: number): MatrixTiling {
  const tile = dim <= 64 ? 32 : 16;
  return {
    ...rowsOf(dim, GRADIENT_SUBGROUPS),
    tile,
    copies: 2,
    logitStride: tile + 4,
    weightStride: tile + 8,
    logitsHeld: 1,
    weightsHeld: 1,
  };
}

function rowsOf(dim: number, subgroups: number) {
  return {
    dim,
    threads: 32 * subgroups,
    subgroupRows: SUBGROUP_ROWS,
    rows: subgroups * SUBGROUP_ROWS,
    tileStride: dim / VECTOR + 1,
  };
}

/** Matrices of 16 x 16 in a length. */
const matrices = (length: number) => length / 16;

/** Vectors of workgroup memory. The rows' own operands pass through them before the loop, as many columns at a time as fit. */
export function tilesSize(tiling: MatrixTiling): number {
  const { tile, tileStride, copies, rows } = tiling;
  return Math.max(2 * copies * tile * tileStride, rows * passStride(tiling));
}

/** Matrices side by side in which the rows' own operands pass: all, or two where the tiles are there once. */
function passedMatrices({ dim, copies }: MatrixTiling): number {
  return copies === 2 ? matrices(dim) : Math.min(2, matrices(dim));
}

const passStride = (tiling: MatrixTiling) => passedMatrices(tiling) * (16 / VECTOR) + 1;

/** Vectors of one tile that a thread carries from device memory. */
function fetches({ tile, dim, threads }: MatrixTiling): number {
  return Math.ceil((tile * dim) / VECTOR / threads);
}

/** Declares the tiles, and `put`, which stores eight elements. */
export function tileWgsl(tiling: MatrixTiling): string {
  return /* wgsl */ `
var<workgroup> tiles: array<vec4u, ${tilesSize(tiling)}>;

fn put(at: u32, x: vec4f, y: vec4f) {
  tiles[at] = vec4u(bitcast<vec2u>(vec4<f16>(x)), bitcast<vec2u>(vec4<f16>(y)));
}
`;
}

/** Where in tensor x the vector i of a tile from token `first` on is: two vectors of four f32. */
function source({ dim }: MatrixTiling, i: string, stream: Omit<Stream, 'tensors'>, first: string): string {
  const vectors = dim / VECTOR;
  return `${stream.base} + min(${first} + ${i} / ${vectors}, ${stream.tokens} - 1) * ${stream.token} + ${i} % ${vectors} * 2`;
}

/** Where in the tiles' memory vector i of a tile goes. */
function target({ dim, tileStride }: MatrixTiling, i: string): string {
  const vectors = dim / VECTOR;
  return `${i} / ${vectors} * ${tileStride} + ${i} % ${vectors}`;
}

export interface Stream {
  /** The two tensors, and what the first is multiplied with. */
  readonly tensors: readonly [string, string];
  readonly scale: string;
  /** WGSL of where the head begins, of the stride from token to token, and of the number of tokens. */
  readonly base: string;
  readonly token: string;
  readonly tokens: string;
}

/** Declares the registers that a thread fetches into. */
export function declareFetched(tiling: MatrixTiling): string {
  return unrolled(
    fetches(tiling),
    (n) => `var x${n} = vec4f(); var nextX${n} = vec4f(); var y${n} = vec4f(); var nextY${n} = vec4f();`,
  );
}

/** Reads the tiles from token `first` on; beyond the end the last token is read again. */
export function fetchTiles(tiling: MatrixTiling, stream: Stream, first: string): string {
  return `${fetchTile(tiling, stream, 0, first)}
    ${fetchTile(tiling, stream, 1, first)}`;
}

/** The same for one of the two tensors. */
export function fetchTile(tiling: MatrixTiling, stream: Stream, which: 0 | 1, first: string): string {
  const [tensor, to] = [stream.tensors[which], 'xy'[which]!];
  return unrolled(fetches(tiling), (n) =>
    ifInTile(
      tiling,
      n,
      `let at = ${source(tiling, `(me + ${n * tiling.threads})`, stream, first)};
      ${to}${n} = ${tensor}[at]; next${to.toUpperCase()}${n} = ${tensor}[at + 1];`,
    ),
  );
}

/** Stores what was fetched as the tiles at `buffer`, the first tensor before the second. */
export function putTiles(tiling: MatrixTiling, stream: Stream, buffer: string): string {
  return `${putTile(tiling, stream, 0, buffer)}
    ${putTile(tiling, stream, 1, `${buffer} + ${tiling.tile * tiling.tileStride}`)}`;
}

/** The same for one of the two tensors. */
export function putTile(tiling: MatrixTiling, stream: Stream, which: 0 | 1, buffer: string): string {
  const from = 'xy'[which]!;
  const scaled = (x: string) => (which === 0 ? `${x} * ${stream.scale}` : x);
  return unrolled(fetches(tiling), (n) =>
    ifInTile(
      tiling,
      n,
      `let at = ${buffer} + ${target(tiling, `(me + ${n * tiling.threads})`)};
      put(at, ${scaled(`${from}${n}`)}, ${scaled(`next${from.toUpperCase()}${n}`)});`,
    ),
  );
}

function ifInTile({ tile, dim, threads }: MatrixTiling, n: number, text: string): string {
  const size = (tile * dim) / VECTOR;
  return (n + 1) * threads <= size ? `{ ${text} }` : `if (me < ${size - n * threads}) { ${text} }`;
}

/** Loads the rows' own operand `tensor`, times `scale`, into matrices `name`<row>_<column> through the tiles' memory. */
export function loadRows(tiling: MatrixTiling, name: string, tensor: string, stream: Omit<Stream, 'tensors'>): string {
  const { rows, dim, subgroupRows, threads } = tiling;
  const stride = passStride(tiling);
  const inPass = passedMatrices(tiling);
  return unrolled(Math.ceil(matrices(dim) / inPass), (pass) => {
    const first = pass * inPass;
    const passed = Math.min(inPass, matrices(dim) - first);
    const vectors = columnAt(passed);
    return /* wgsl */ `for (var i = me; i < ${rows * vectors}; i += ${threads}) {
    let at = ${stream.base} + min(block + i / ${vectors}, ${stream.tokens} - 1) * ${stream.token} + (${columnAt(first)} + i % ${vectors}) * 2;
    put(i / ${vectors} * ${stride} + i % ${vectors}, ${tensor}[at] * ${stream.scale}, ${tensor}[at + 1] * ${stream.scale});
  }
  workgroupBarrier();
  ${unrolled(matrices(subgroupRows), (r) =>
    unrolled(
      passed,
      (d) =>
        `let ${name}${r}_${first + d} = ${load('left', 'tiles', `(subgroup * ${subgroupRows} + ${16 * r}) * ${stride} + ${columnAt(d)}`, stride)};`,
    ),
  )}
  workgroupBarrier();`;
  });
}

/** Where in a row of a tile matrix d begins. */
const columnAt = (d: number) => (16 / VECTOR) * d;

/** Declares the f32 sums `name`<row>_<column> over the rows and D. */
export function declareSums({ subgroupRows, dim }: MatrixTiling, name: string): string {
  return unrolled(matrices(subgroupRows), (r) => unrolled(matrices(dim), (d) => `var ${name}${r}_${d} = ${RESULT}();`));
}

/** logits = rows x tile^T, the subgroup's own rows; `buffer` is where the tile begins. */
export function multiplyByTile(tiling: MatrixTiling, logits: string, rows: string, buffer: string): string {
  const { subgroupRows, dim, tile, tileStride } = tiling;
  return unrolled(
    matrices(tile),
    (c) => `{
      ${unrolled(matrices(subgroupRows), (r) => `var sum${r} = ${RESULT}();`)}
      ${unrolled(
        matrices(dim),
        (d) => `{
        let tokens = ${load('right', 'tiles', `${buffer} + ${16 * c * tileStride + columnAt(d)}`, tileStride, 'col_major')};
        ${unrolled(matrices(subgroupRows), (r) => accumulate(`sum${r}`, `${rows}${r}_${d}`, 'tokens'))}
      }`,
      )}
      ${unrolled(matrices(subgroupRows), (r) => store(logits, logitsOf(tiling, r, c), `sum${r}`, tiling.logitStride))}
    }`,
  );
}

/** Where in the logits' memory matrix c of the subgroup's rows 16 r lies. */
function logitsOf({ subgroupRows, logitStride, logitsHeld }: MatrixTiling, r: number, c: number): string {
  return `(subgroup * ${subgroupRows} + ${16 * r}) * ${logitStride} + ${(16 / logitsHeld) * c}`;
}

/** sums += weights x tile, the subgroup's own rows. */
export function addWeighted(tiling: MatrixTiling, sums: string, weights: string, buffer: string): string {
  const { subgroupRows, dim, tile, tileStride, weightStride, weightsHeld } = tiling;
  return unrolled(
    matrices(tile),
    (k) => `{
      ${unrolled(matrices(subgroupRows), (r) => `let weight${r} = ${load('left', weights, `(subgroup * ${subgroupRows} + ${16 * r}) * ${weightStride} + ${(16 / weightsHeld) * k}`, weightStride)};`)}
      ${unrolled(
        matrices(dim),
        (d) => `{
        let tokens = ${load('right', 'tiles', `${buffer} + ${16 * k * tileStride + columnAt(d)}`, tileStride)};
        ${unrolled(matrices(subgroupRows), (r) => accumulate(`${sums}${r}_${d}`, `weight${r}`, 'tokens'))}
      }`,
      )}
    }`,
  );
}

/** Moves `count` columns of 16 of the sums, from column `first` on, to the logits' memory, or back. */
export function storeSums(tiling: MatrixTiling, logits: string, sums: string, first: number): string {
  return overSums(tiling, first, (r, d, at) => store(logits, at, `${sums}${r}_${d}`, tiling.logitStride));
}

export function loadSums(tiling: MatrixTiling, logits: string, sums: string, first: number): string {
  return overSums(
    tiling,
    first,
    (r, d, at) =>
      `${sums}${r}_${d} = subgroupMatrixLoad<${RESULT}, row_major>(&${logits}, ${at}, ${tiling.logitStride}u);`,
  );
}

/** Matrices of the sums that fit beside each other into the logits' memory, and the first of each such group. */
export function columnGroups({ dim, tile }: MatrixTiling): number[] {
  return Array.from({ length: Math.ceil(dim / tile) }, (_, i) => i * matrices(tile));
}

export function columnsOfGroup({ dim, tile }: MatrixTiling, first: number): number {
  return Math.min(matrices(tile), matrices(dim) - first);
}

function overSums(tiling: MatrixTiling, first: number, text: (r: number, d: number, at: string) => string): string {
  return unrolled(matrices(tiling.subgroupRows), (r) =>
    unrolled(columnsOfGroup(tiling, first), (n) => text(r, first + n, logitsOf(tiling, r, n))),
  );
}

/** The text for each row r + 8 i of this lane, and for each column c + 4 j that it has of the logits in the gradients. */
export function eachRow({ subgroupRows }: MatrixTiling, text: (i: number) => string): string {
  return unrolled(subgroupRows / 8, text);
}

export function eachColumn({ tile }: MatrixTiling, text: (j: number) => string): string {
  return unrolled(tile / 4, text);
}

/** Where element (i, j) of this lane lies in the logits' and in the weights' memory of the gradients. */
export function logitAt({ logitStride }: MatrixTiling, i: number, j: number): string {
  return `logitAt + ${8 * i * logitStride + 4 * j}`;
}

export function weightAt({ weightStride }: MatrixTiling, i: number, j: number): string {
  return `weightAt + ${8 * i * weightStride + 4 * j}`;
}

/** Declares which rows and columns a thread works on, and where it begins in the logits' and in the weights' memory. */
export function laneWgsl({ subgroupRows, logitStride, weightStride, logitsHeld }: MatrixTiling): string {
  return /* wgsl */ `let subgroup = me / 32;
  let row = subgroup * ${subgroupRows} + me % 32 / 4;
  let column = me % 4;
  let logitAt = row * ${logitStride} + ${logitsHeld === 4 ? '2 * column' : 'column'};
  let weightAt = row * ${weightStride} + column;`;
}

/** Sums start with an explicit zero: Dawn sets a variable without an initialiser to zero once, not each time round a loop. */
const RESULT = 'subgroup_matrix_result<f32, 16, 16>';

function load(side: 'left' | 'right', from: string, at: string, stride: number, major = 'row_major'): string {
  return `subgroupMatrixLoad<subgroup_matrix_${side}<f16, 16, 16>, ${major}>(&${from}, ${at}, ${stride}u)`;
}

function store(to: string, at: string, matrix: string, stride: number): string {
  return `subgroupMatrixStore<row_major>(&${to}, ${at}, ${matrix}, ${stride}u);`;
}

function accumulate(sum: string, left: string, right: string): string {
  return `${sum} = subgroupMatrixMultiplyAccumulate(${left}, ${right}, ${sum});`;
}
