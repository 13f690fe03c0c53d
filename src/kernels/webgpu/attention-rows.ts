// The f32 kernels of windowed attention have one scheme. A row (a query, or a key in the gradient of the keys) belongs to `parts`
// threads, each with a slice of D in its registers; the other side streams through workgroup memory in tiles that all
// threads read in step, so that a read is one broadcast. Where parts > 1, their shares of a dot product are added up there.
import { unrolled } from './attention-sizes.js';

/** Threads in a workgroup. */
export const THREADS = 128;
/** Workgroup memory that every adapter has. */
const WORKGROUP_BYTES = 16384;
const LONGEST_TILE = 16;

export interface RowTiling {
  /** Threads that share a row. */
  readonly parts: number;
  /** Rows of a workgroup. */
  readonly rows: number;
  /** Vectors of four in a row, and in a thread's slice of it. */
  readonly vectors: number;
  readonly slice: number;
  /** Tokens of the other side in a tile. */
  readonly tile: number;
}

/**
 * `longestSlice` in vectors bounds the registers, `exchanged` is the bytes of one dot product's share; null where D does not
 * divide into slices.
 */
export function rowTiling(dim: number, longestSlice: number, exchanged: number): RowTiling | null {
  const vectors = dim / 4;
  const parts = [1, 2, 4, 8].find((count) => vectors % count === 0 && vectors / count <= longestSlice);
  if (parts === undefined) return null;
  const bytesPerToken = 2 * 4 * dim + (parts > 1 ? THREADS * exchanged : 0);
  const tile = Math.min(LONGEST_TILE, 2 ** Math.floor(Math.log2(WORKGROUP_BYTES / bytesPerToken)));
  return { parts, rows: THREADS / parts, vectors, slice: vectors / parts, tile };
}

/** The forward pass keeps q and o of a slice, the gradient of the queries q, dO and dq, that of the keys k, v, dk and dv. */
export const forwardTiling = (dim: number) => rowTiling(dim, 16, 4);
export const gradientTiling = (dim: number) => rowTiling(dim, 12, 8);

/** The tiles of two tensors that stream side by side, and `stage`, which fills them with the tokens from `first` on. */
export function tilesWgsl({ vectors, tile }: RowTiling, x: string, y: string, token: string, tokens: string): string {
  const size = tile * vectors;
  return /* wgsl */ `
var<workgroup> ${x}Tile: array<vec4f, ${size}>;
var<workgroup> ${y}Tile: array<vec4f, ${size}>;

fn stage(me: u32, base: u32, first: u32) {
  for (var i = me; i < ${size}; i += ${THREADS}) {
    let at = base + min(first + i / ${vectors}, ${tokens} - 1) * ${token} + i % ${vectors};
    ${x}Tile[i] = ${x}[at];
    ${y}Tile[i] = ${y}[at];
  }
}
`;
}

/** The dot product of a thread's slice `name`0, `name`1, ... with row j of a tile. */
export function sliceDot({ slice }: RowTiling, name: string, tile: string): string {
  return Array.from({ length: slice }, (_, i) => `dot(${name}${i}, ${tile}[row + ${i}])`).join(' + ');
}

/** Declares `name`0, `name`1, ... */
export function declareSlice({ slice }: RowTiling, name: string, value: (i: number) => string): string {
  return unrolled(slice, (i) => `var ${name}${i} = ${value(i)};`);
}

/** Adds `factor` times row j of a tile to a slice. */
export function addRow({ slice }: RowTiling, name: string, factor: string, tile: string): string {
  return unrolled(slice, (i) => `${name}${i} = fma(vec4f(${factor}), ${tile}[row + ${i}], ${name}${i});`);
}
