// C = op(A) op(B) (+ R) in f32, for every adapter, shape and batch; B may be packed f16. A workgroup of 256 makes a tile of C;
// slices along K go through workgroup memory, transposed so that k is the row, and each thread multiplies columns of A's slice
// with rows of B's in registers. The next slice is fetched while this one is multiplied.
//   FLOPs: 2 M N K. Bytes: A once for every tile of columns, B once for every tile of rows, C once.
// Every element of C is one sum over k in order, so that no tiling changes a bit of it; where K is cut into parts, one a part.
import type { Program } from './runner.js';

/** Sizes of a tile of C, and of a slice along K. A large tile reads less, a small one fills the device with small products. */
export interface Tiling {
  readonly tile: 64 | 128;
  readonly slice: 8 | 16;
}

export const THREADS = 256;
const SIDE = 16;
/** Floats that pad a row of workgroup memory, so that transposing stores do not meet in one bank. */
const PADDING = 4;
const ROWS_OF_TILES = 8;

export interface TiledVariant extends Tiling {
  /** A is stored [K, M] in place of [M, K]. */
  readonly transposeA: boolean;
  /** B is stored [N, K] in place of [K, N]. */
  readonly transposeB: boolean;
  /** B is packed f16; the length of its rows is a multiple of eight. */
  readonly halfB: boolean;
  /** The rows of A, of B, or of C are whole vectors of four: otherwise elements are read and written one by one. */
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  readonly vectorC: boolean;
  /** R, of C's shape, is added. */
  readonly residual: boolean;
  /** K is no multiple of a slice: what lies beyond it counts as zero. */
  readonly tail: boolean;
  /** K is cut into parts: C becomes [batch, parts, M, N], the sums over each. */
  readonly inParts: boolean;
}

/**
 * Inputs A, B (and R), output C; uniforms M, N, K, for A and B whether they have a batch (1) or are the same for all (0), the
 * size of the batch, the number of parts, and how much of K one has, a multiple of the slice. One workgroup a tile along x, one
 * product of the batch, or a part of it, along y and z.
 */
export function tiledProgram(variant: TiledVariant): Program {
  const { tile, slice, ...flags } = variant;
  const on = Object.entries(flags).flatMap(([name, value]) => (value ? [name] : []));
  return { key: `matmul-tiled/${tile}/${slice}/${on.join('+')}`, wgsl: () => source(variant) };
}

interface Operand {
  readonly name: 'A' | 'B';
  readonly alongK: boolean;
  readonly vector: boolean;
  readonly half: boolean;
  /** WGSL: M or N, and the tile's first row or column of C. */
  readonly size: string;
  readonly origin: string;
}

const range = (count: number) => [...Array(count).keys()];
const lines = (count: number, line: (i: number) => string) => range(count).map(line).join('\n');

function source(variant: TiledVariant): string {
  const { tile, slice, transposeA, transposeB, residual, vectorC, tail, inParts } = variant;
  const a: Operand = {
    name: 'A',
    alongK: !transposeA,
    vector: variant.vectorA,
    half: false,
    size: 'p.M',
    origin: 'm0',
  };
  const b: Operand = {
    name: 'B',
    alongK: transposeB,
    vector: variant.vectorB,
    half: variant.halfB,
    size: 'p.N',
    origin: 'n0',
  };
  const stride = tile + PADDING;
  const moves = (tile * slice) / 4 / THREADS;
  /** Vectors of four that a thread has of each side. */
  const own = tile / SIDE / 4;
  const element = (x: Operand) => (x.half ? 'vec2u' : x.vector ? 'vec4f' : 'f32');

  /** The place of a thread's vector `i` in a tile: the first of four elements along K, or along the tile's side. */
  const place = (x: Operand, i: number, k: string) => {
    const at = `(lid + ${i * THREADS}u)`;
    const perRow = (x.alongK ? slice : tile) / 4;
    return x.alongK
      ? { along: `${x.origin} + ${at} / ${perRow}u`, k: `${k} + ${at} % ${perRow}u * 4u` }
      : { along: `${x.origin} + ${at} % ${perRow}u * 4u`, k: `${k} + ${at} / ${perRow}u` };
  };

  const fetch = (x: Operand, k: string) =>
    lines(moves, (i) => {
      const at = place(x, i, k);
      const next = `next${x.name}${i}`;
      const index = x.alongK ? 'batch' + x.name + ' + along * p.K + k' : 'batch' + x.name + ` + k * ${x.size} + along`;
      // A vector beyond the edges is read from inside the matrix; what is beyond K becomes zero where it is stored, since a test
      // here would wait for it.
      const near = x.alongK
        ? `batch${x.name} + min(along, ${x.size} - 1u) * p.K + min(k, p.K - 4u)`
        : `batch${x.name} + min(k, p.K - 1u) * ${x.size} + min(along, ${x.size} - 4u)`;
      const vector = x.half
        ? `let words = ${x.name}[(${near}) / 4u]; ${next} = vec4f(unpack2x16float(words.x), unpack2x16float(words.y));`
        : `${next} = ${x.name}[(${near}) / 4u];`;
      const single = lines(4, (e) => {
        const inside = x.alongK ? `along < ${x.size} && k + ${e}u < p.K` : `along + ${e}u < ${x.size} && k < p.K`;
        return `if (${inside}) { ${next}[${e}] = ${x.name}[${index} + ${e}u]; }`;
      });
      return `{
      let along = ${at.along};
      let k = ${at.k};
      ${x.vector || x.half ? vector : `${next} = vec4f(); ${single}`}
    }`;
    });

  const store = (x: Operand, k: string) =>
    lines(moves, (i) => {
      const at = `(lid + ${i * THREADS}u)`;
      const next = `next${x.name}${i}`;
      const value = tail && (x.vector || x.half) ? `select(vec4f(), ${next}, ${place(x, i, k).k} < p.K)` : next;
      if (!x.alongK) return `tile${x.name}[${at} / ${tile / 4}u * ${stride / 4}u + ${at} % ${tile / 4}u] = ${value};`;
      return `{
      let along = ${at} / ${slice / 4}u;
      let k = ${at} % ${slice / 4}u * 4u;
      let value = ${value};
      ${lines(4, (e) => `tile${x.name}[(k + ${e}u) * ${stride / 4}u + along / 4u][along % 4u] = value[${e}];`)}
    }`;
    });

  const storeRow = (i: number, j: number) => {
    const row = `m0 + (threadM + ${Math.floor(i / 4) * SIDE}u) * 4u + ${i % 4}u`;
    const column = `n0 + (threadN + ${j * SIDE}u) * 4u`;
    const plus = (at: string) => (residual ? ` + R[${at}]` : '');
    const write = vectorC
      ? `let at = (batchC + m * p.N + n) / 4u; C[at] = c${i}_${j}${plus('at')};`
      : `let at = batchC + m * p.N + n; ${lines(4, (e) => `if (n + ${e}u < p.N) { C[at + ${e}u] = c${i}_${j}[${e}]${plus(`at + ${e}u`)}; }`)}`;
    return `{ let m = ${row}; let n = ${column}; if (m < p.M && n < p.N) { ${write} } }`;
  };

  const typeC = vectorC ? 'vec4f' : 'f32';
  const [product, begin, end] = inParts ? ['(member / p.parts)', 'begin', 'end'] : ['member', '0u', 'p.K'];
  return /* wgsl */ `
struct Shape { M: u32, N: u32, K: u32, batchedA: u32, batchedB: u32, batch: u32, parts: u32, part: u32 }
@group(0) @binding(0) var<storage, read> A: array<${element(a)}>;
@group(0) @binding(1) var<storage, read> B: array<${element(b)}>;
${residual ? `@group(0) @binding(2) var<storage, read> R: array<${typeC}>;` : ''}
@group(0) @binding(${residual ? 3 : 2}) var<storage, read_write> C: array<${typeC}>;
@group(0) @binding(${residual ? 4 : 3}) var<uniform> p: Shape;

var<workgroup> tileA: array<vec4f, ${(slice * stride) / 4}>;
var<workgroup> tileB: array<vec4f, ${(slice * stride) / 4}>;

@compute @workgroup_size(${THREADS})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let member = group.z * groups.y + group.y;
  if (member >= p.batch * p.parts) { return; }
  let tilesM = (p.M + ${tile - 1}u) / ${tile}u;
  let tilesN = (p.N + ${tile - 1}u) / ${tile}u;
  let inGroup = group.x % (${ROWS_OF_TILES}u * tilesN);
  let firstTile = group.x / (${ROWS_OF_TILES}u * tilesN) * ${ROWS_OF_TILES}u;
  let rowsOfTiles = min(tilesM - firstTile, ${ROWS_OF_TILES}u);
  let m0 = (firstTile + inGroup % rowsOfTiles) * ${tile}u;
  let n0 = inGroup / rowsOfTiles * ${tile}u;
  let threadN = lid % ${SIDE}u;
  let threadM = lid / ${SIDE}u;
  let batchA = p.batchedA * ${product} * p.M * p.K;
  let batchB = p.batchedB * ${product} * p.K * p.N;
  let batchC = member * p.M * p.N;
  ${inParts ? 'let begin = member % p.parts * p.part;\n  let end = min(begin + p.part, p.K);' : ''}

  ${lines(4 * own, (i) => lines(own, (j) => `var c${i}_${j}: vec4f;`))}
  ${lines(moves, (i) => `var nextA${i}: vec4f; var nextB${i}: vec4f;`)}
  ${fetch(a, begin)}
  ${fetch(b, begin)}
  for (var slice = ${begin}; slice < ${end}; slice += ${slice}u) {
    workgroupBarrier();
    ${store(a, 'slice')}
    ${store(b, 'slice')}
    workgroupBarrier();
    if (slice + ${slice}u < ${end}) {
      let following = slice + ${slice}u;
      ${fetch(a, 'following')}
      ${fetch(b, 'following')}
    }
    for (var k = 0u; k < ${slice}u; k++) {
      ${lines(own, (i) => `let a${i} = tileA[k * ${stride / 4}u + threadM + ${i * SIDE}u];`)}
      ${lines(own, (j) => `let b${j} = tileB[k * ${stride / 4}u + threadN + ${j * SIDE}u];`)}
      ${lines(4 * own, (i) => lines(own, (j) => `c${i}_${j} = fma(vec4f(a${Math.floor(i / 4)}[${i % 4}]), b${j}, c${i}_${j});`))}
    }
  }
  ${lines(4 * own, (i) => lines(own, (j) => storeRow(i, j)))}
}`;
}

export function samples(): Program[] {
  const flags = [false, true];
  const tilings: Tiling[] = [
    { tile: 64, slice: 16 },
    { tile: 128, slice: 8 },
    { tile: 128, slice: 16 },
  ];
  const finishes = [
    { residual: false, inParts: false },
    { residual: true, inParts: false },
    { residual: false, inParts: true },
  ];
  return tilings.flatMap((tiling) =>
    flags.flatMap((transposeA) =>
      flags.flatMap((transposeB) =>
        flags.flatMap((vector) =>
          finishes.map(({ residual, inParts }) =>
            tiledProgram({
              ...tiling,
              transposeA,
              transposeB,
              halfB: vector && residual,
              vectorA: vector,
              vectorB: vector,
              vectorC: vector,
              residual,
              tail: !vector,
              inParts,
            }),
          ),
        ),
      ),
    ),
  );
}
