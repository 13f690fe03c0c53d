// A chunk's scores (chunk-scores.ts) on tensor cores: f16 operands, f32 sums.
// One workgroup a chunk and row, four subgroups with 32 x 32 scores each; slices of 32 of Dk, the next one is on its way while one is
// multiplied. 10 KiB of workgroup memory. Bytes: q and k in, 64 floats a token out; bound by memory.
import { CHUNK } from './chunk-tiles.js';
import {
  bindingOf,
  DECLARE_SUMS,
  eachMatrix,
  eachMove,
  halves,
  MATRIX_HEADER,
  multiplyTiles,
  range,
  readEight,
  strideOf,
  type Tile,
} from './chunk-tensor-cores.js';
import type { Held } from './held.js';
import type { Program } from './runner.js';

const SLICE = 32;
const THREADS = 128;
const STRIDE = strideOf(SLICE);
const QUERIES: Tile = { at: 0, stride: STRIDE, rows: 'outer' };
const KEYS: Tile = { at: CHUNK * STRIDE, stride: STRIDE, rows: 'outer' };

export interface ChunkScoresF16 {
  /** Dk, a multiple of 16. */
  readonly dim: number;
  readonly held: Held;
}

/** Inputs q and k, output the scores, uniforms T and the number of chunks; workgroups: [chunks, rows]. */
export function chunkScoresF16(spec: ChunkScoresF16): Program {
  return { key: `chunk-scores-f16/${spec.dim}/${spec.held}`, wgsl: () => source(spec) };
}

function source({ dim, held }: ChunkScoresF16): string {
  const slices = range(Math.ceil(dim / SLICE));
  const eachVector = (text: (move: { n: number; row: string; eighth: string }) => string) =>
    eachMove(CHUNK, SLICE / 8, THREADS, text);
  /** Beyond Dk or T something is read again, which counts as zero below. */
  const fetch = (slice: number) =>
    eachVector(({ n, row, eighth }) => {
      const at = `firstToken + min(${row}, last), ${inRow(slice, eighth)}`;
      return `let q${slice}_${n} = queryAt(${at}); let k${slice}_${n} = keyAt(${at});`;
    });
  const inRow = (slice: number, eighth: string) =>
    4 * slice + 4 <= dim / 8 ? `${4 * slice}u + ${eighth}` : `min(${4 * slice}u + ${eighth}, ${dim / 8 - 1}u)`;
  const put = (slice: number) =>
    eachVector(({ n, row, eighth }) => {
      const inDim = 4 * slice + 4 <= dim / 8 ? '' : ` && ${eighth} < ${dim / 8 - 4 * slice}u`;
      const put = (tile: Tile, x: string) =>
        `memory[${tile.at}u + ${row} * ${STRIDE}u + ${eighth}] = select(vec4u(), ${halves(held, x)}, ${row} <= last${inDim});`;
      return `${put(QUERIES, `q${slice}_${n}`)} ${put(KEYS, `k${slice}_${n}`)}`;
    });
  return /* wgsl */ `${MATRIX_HEADER}
struct Sizes { length: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> q: ${bindingOf(held)};
@group(0) @binding(1) var<storage, read> k: ${bindingOf(held)};
@group(0) @binding(2) var<storage, read_write> scores: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
var<workgroup> memory: array<vec4u, ${2 * CHUNK * STRIDE}>;
${readEight('queryAt', 'q', held, dim)}
${readEight('keyAt', 'k', held, dim)}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = group.x * ${CHUNK}u;
  let firstToken = group.y * sizes.length + first;
  let last = min(sizes.length - first, ${CHUNK}u) - 1u;
  let down = 32u * (local / 64u);
  let along = 32u * (local / 32u % 2u);
  ${DECLARE_SUMS}
  ${fetch(0)}
  ${slices
    .map(
      (slice) => `${slice > 0 ? 'workgroupBarrier();' : ''}
  ${put(slice)}
  workgroupBarrier();
  ${slice + 1 < slices.length ? fetch(slice + 1) : ''}
  ${multiplyTiles(QUERIES, KEYS, 4 * slice + 4 <= dim / 8 ? SLICE : 16)}`,
    )
    .join('\n')}
  let out = (group.y * sizes.chunks + group.x) * ${CHUNK * CHUNK}u + down * ${CHUNK}u + along;
  ${eachMatrix((i, j) => `subgroupMatrixStore<row_major>(&scores, out + ${16 * i * CHUNK + 16 * j}u, sum${i}${j}, ${CHUNK}u);`)}
}
`;
}

export function samples(): Program[] {
  return [
    chunkScoresF16({ dim: 16, held: 'f32' }),
    chunkScoresF16({ dim: 48, held: 'f32' }),
    chunkScoresF16({ dim: 128, held: 'f32' }),
    chunkScoresF16({ dim: 128, held: 'f16' }),
  ];
}
