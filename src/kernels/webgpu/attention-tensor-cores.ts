// The f16 kernels of windowed attention have one scheme. Four or eight subgroups of 32 own the rows of a block (queries, or keys in
// the gradient of the keys), 16 each; what belongs to the rows stays in subgroup matrices, and so do the f32 sums. The other side
// streams in tiles of two tensors, converted to f16 and double buffered, so that one barrier serves for filling and reading.
// A subgroup matrix has no elements that WGSL can see: logits go to workgroup memory in f32, become weights there, and come back as
// f16. There lane 4 r + c of a subgroup works on rows r + 8 i and columns c + 4 j: with rows padded by 4 words no two lanes meet
// in a bank, and a row's maximum is two shuffles away. All of it lies in the 48 KiB of workgroup memory of an NVIDIA GPU.
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
  /** From row to row in workgroup memory: vectors of eight f16 of a tile, f32 of the logits, f16 of the weights. */
  readonly tileStride: number;
  readonly logitStride: number;
  readonly weightStride: number;
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

export function forwardTiling(dim: number): MatrixTiling {
  return matrixTiling(dim, forwardSubgroups(dim));
}

export function gradientTiling(dim: number): MatrixTiling {
  return matrixTiling(dim, GRADIENT_SUBGROUPS);
}

function matrixTiling(dim: number, subgroups: number): MatrixTiling {
  const tile = dim <= 64 ? 32 : 16;
  return {
    dim,
    threads: 32 * subgroups,
    subgroupRows: SUBGROUP_ROWS,
    rows: subgroups * SUBGROUP_ROWS,
    tile,
    tileStride: dim / VECTOR + 1,
    logitStride: tile + 4,
    weightStride: tile + 8,
  };
}

/** Matrices of 16 x 16 in a length. */
const matrices = (length: number) => length / 16;

/** Both tiles, twice: vectors of workgroup memory. The rows' own operands pass through the same memory before the loop. */
export function tilesSize({ tile, tileStride }: MatrixTiling): number {
  return 4 * tile * tileStride;
}

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
  const [x, y] = stream.tensors;
  return unrolled(fetches(tiling), (n) =>
    ifInTile(
      tiling,
      n,
      `let at = ${source(tiling, `(me + ${n * tiling.threads})`, stream, first)};
      x${n} = ${x}[at]; nextX${n} = ${x}[at + 1]; y${n} = ${y}[at]; nextY${n} = ${y}[at + 1];`,
    ),
  );
}

/** Stores what was fetched as the tiles at `buffer`, the first tensor before the second. */
export function putTiles(tiling: MatrixTiling, stream: Stream, buffer: string): string {
  const { scale } = stream;
  return unrolled(fetches(tiling), (n) =>
    ifInTile(
      tiling,
      n,
      `let at = ${buffer} + ${target(tiling, `(me + ${n * tiling.threads})`)};
      put(at, x${n} * ${scale}, nextX${n} * ${scale});
      put(at + ${tiling.tile * tiling.tileStride}, y${n}, nextY${n});`,
    ),
  );
}

function ifInTile({ tile, dim, threads }: MatrixTiling, n: number, text: string): string {
  const size = (tile * dim) / VECTOR;
  return (n + 1) * threads <= size ? `{ ${text} }` : `if (me < ${size - n * threads}) { ${text} }`;
}

/** Loads the rows' own operand `tensor`, times `scale`, into matrices `name`<row>_<column> through the tiles' memory. */
export function loadRows(tiling: MatrixTiling, name: string, tensor: string, stream: Omit<Stream, 'tensors'>): string {
  const { rows, dim, tileStride, subgroupRows, threads } = tiling;
  return /* wgsl */ `for (var i = me; i < ${(rows * dim) / VECTOR}; i += ${threads}) {
    let at = ${source(tiling, 'i', stream, 'block')};
    put(${target(tiling, 'i')}, ${tensor}[at] * ${stream.scale}, ${tensor}[at + 1] * ${stream.scale});
  }
  workgroupBarrier();
  ${unrolled(matrices(subgroupRows), (r) =>
    unrolled(
      matrices(dim),
      (d) =>
        `let ${name}${r}_${d} = ${load('left', 'tiles', `(subgroup * ${subgroupRows} + ${16 * r}) * ${tileStride} + ${columnAt(d)}`, tileStride)};`,
    ),
  )}
  workgroupBarrier();`;
}

/** Where in a row of a tile matrix d begins. */
const columnAt = (d: number) => (16 / VECTOR) * d;

/** Declares the f32 sums `name`<row>_<column> over the rows and D. */
export function declareSums({ subgroupRows, dim }: MatrixTiling, name: string): string {
  return unrolled(matrices(subgroupRows), (r) => unrolled(matrices(dim), (d) => `var ${name}${r}_${d} = ${RESULT}();`));
}

/** logits = rows x tile^T, the subgroup's own rows; `buffer` is where the tile begins. */
export function multiplyByTile(tiling: MatrixTiling, logits: string, rows: string, buffer: string): string {
  const { subgroupRows, dim, tile, tileStride, logitStride } = tiling;
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
      ${unrolled(matrices(subgroupRows), (r) => store(logits, `(subgroup * ${subgroupRows} + ${16 * r}) * ${logitStride} + ${16 * c}`, `sum${r}`, logitStride))}
    }`,
  );
}

/** sums += weights x tile, the subgroup's own rows. */
export function addWeighted(tiling: MatrixTiling, sums: string, weights: string, buffer: string): string {
  const { subgroupRows, dim, tile, tileStride, weightStride } = tiling;
  return unrolled(
    matrices(tile),
    (k) => `{
      ${unrolled(matrices(subgroupRows), (r) => `let weight${r} = ${load('left', weights, `(subgroup * ${subgroupRows} + ${16 * r}) * ${weightStride} + ${16 * k}`, weightStride)};`)}
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
  const { subgroupRows, logitStride } = tiling;
  return unrolled(matrices(subgroupRows), (r) =>
    unrolled(columnsOfGroup(tiling, first), (n) =>
      text(r, first + n, `(subgroup * ${subgroupRows} + ${16 * r}) * ${logitStride} + ${16 * n}`),
    ),
  );
}

/** The text for each element (rows r + 8 i, columns c + 4 j) that this lane has of the logits. */
export function eachRow({ subgroupRows }: MatrixTiling, text: (i: number) => string): string {
  return unrolled(subgroupRows / 8, text);
}

export function eachColumn({ tile }: MatrixTiling, text: (j: number) => string): string {
  return unrolled(tile / 4, text);
}

/** Where element (i, j) of this lane lies in the logits' and in the weights' memory. */
export function logitAt({ logitStride }: MatrixTiling, i: number, j: number): string {
  return `logitAt + ${8 * i * logitStride + 4 * j}`;
}

export function weightAt({ weightStride }: MatrixTiling, i: number, j: number): string {
  return `weightAt + ${8 * i * weightStride + 4 * j}`;
}

/** Declares which rows and columns a thread works on. */
export function laneWgsl({ subgroupRows, logitStride, weightStride }: MatrixTiling): string {
  return /* wgsl */ `let subgroup = me / 32;
  let row = subgroup * ${subgroupRows} + me % 32 / 4;
  let column = me % 4;
  let logitAt = row * ${logitStride} + column;
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
