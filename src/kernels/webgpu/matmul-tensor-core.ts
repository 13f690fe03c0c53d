// C = op(A) op(B) (+ R) on tensor cores: packed f16 operands, f32 sums; C in f32, or packed, or with two weights B and B' as
// silu(A B) * (A B'), packed. A workgroup of four subgroups makes a tile of 128 x 128,
// each subgroup 64 x 64 of it in 4 x 4 accumulators of 16 x 16. Slices of 32 along K go through workgroup memory; the next one
// is fetched into registers while the subgroups multiply.
//   FLOPs: 2 M N K. Bytes: A once for every 128 columns of C, B once for every 128 rows (mostly from L2), C once.
// Packed elements go through A's tile when it has served. With two weights a tile has 16 columns of the one beside the same 16 of the
// other, so that the fragments of a subgroup hold both factors.
// Rows in workgroup memory are padded by 16 bytes: without, all rows of a fragment start in the same bank (half the speed).
// Tiles are taken in groups of twelve rows of tiles, so that the operands of the running workgroups fit in L2.
import type { Program } from './runner.js';

export const TILE = 128;
/** Elements of a slice along K. */
export const SLICE = 32;
/** Rows and columns of a subgroup's part. */
const PART = 64;
const SUBGROUPS = (TILE / PART) ** 2;
export const THREADS = 32 * SUBGROUPS;
/** Halves in 16 bytes, the unit in which tiles are moved. */
const VECTOR = 8;
/** Vectors that workgroup memory takes at once: four of its 32 banks each. */
const VECTORS_AT_ONCE = 8;
const FRAGMENT = 16;
const FRAGMENTS = PART / FRAGMENT;
const ROWS_OF_TILES = 12;

export interface TensorCoreVariant {
  /** A is stored [K, M] in place of [M, K]. */
  readonly transposeA: boolean;
  /** B is stored [N, K] in place of [K, N]. */
  readonly transposeB: boolean;
  /** R, of C's shape, is added. */
  readonly residual: boolean;
  /**
   * M or N is no multiple of the tile: `fragments` where both are still multiples of 16, so that whole fragments are inside or
   * outside, `elements` otherwise.
   */
  readonly ragged: '' | 'fragments' | 'elements';
  /** K is no multiple of a slice: what lies beyond it counts as zero. */
  readonly tail: boolean;
  /** K is cut into parts: C becomes [parts, M, N], the sums over each. */
  readonly inParts: boolean;
  /**
   * What C is: the sums in f32, packed, or the SwiGLU of two products, packed, of weights stored [N, K]. Packed ones have neither
   * residual nor parts, and N is a multiple of eight.
   */
  readonly result: 'f32' | 'packed' | 'swiglu';
}

/** Columns of C that a workgroup makes. */
export function columnsOfTile({ result }: Pick<TensorCoreVariant, 'result'>): number {
  return result === 'swiglu' ? TILE / 2 : TILE;
}

/** What a product of this shape needs guarded; a workgroup makes `columns` of C. */
export function edgesOf(m: number, n: number, k: number, columns = TILE): Pick<TensorCoreVariant, 'ragged' | 'tail'> {
  const both = (size: number) => m % size === 0 && n % size === 0;
  return {
    ragged: m % TILE === 0 && n % columns === 0 ? '' : both(FRAGMENT) ? 'fragments' : 'elements',
    tail: k % SLICE !== 0,
  };
}

/**
 * Inputs A, B (and B' or R), output C; uniforms M, N, K and how much of K a part has, a multiple of the slice. One workgroup a tile
 * along x, one part along z.
 */
export function tensorCoreProgram(variant: TensorCoreVariant): Program {
  const { ragged, result, ...flags } = variant;
  const on = Object.entries(flags).flatMap(([name, value]) => (value ? [name] : []));
  return { key: `matmul-tensor-core/${result}/${ragged}/${on.join('+')}`, wgsl: () => source(variant) };
}

interface Operand {
  readonly name: 'A' | 'B';
  /** K is the contiguous dimension. */
  readonly alongK: boolean;
  /** The tile as it lies in memory: its rows, and their vectors. */
  readonly rows: number;
  readonly perRow: number;
  /** Vectors from one row of the workgroup's copy to the next. */
  readonly stride: number;
  /** Vectors that each thread moves. */
  readonly moves: number;
  /** WGSL: vectors in a row of the matrix, the number of its rows, and of the tile's first row and vector. */
  readonly rowLength: string;
  readonly rowCount: string;
  readonly firstRow: (k: string) => string;
  readonly firstColumn: (k: string) => string;
}

function operand(name: 'A' | 'B', alongK: boolean): Operand {
  const [size, origin] = name === 'A' ? ['p.M', 'm0'] : ['p.N', 'n0'];
  const [rows, columns] = alongK ? [TILE, SLICE] : [SLICE, TILE];
  return {
    name,
    alongK,
    rows,
    perRow: columns / VECTOR,
    stride: columns / VECTOR + 1,
    moves: (rows * columns) / VECTOR / THREADS,
    rowLength: `length${name}`,
    rowCount: alongK ? size : 'p.K',
    firstRow: (k) => (alongK ? origin : k),
    firstColumn: (k) => `${alongK ? k : origin} / ${VECTOR}u`,
  };
}

const range = (count: number) => [...Array(count).keys()];
const lines = (count: number, line: (i: number) => string) => range(count).map(line).join('\n');

/**
 * Row and column (in vectors) within the tile of a thread's vector `i`. The eight threads that store at once take a row, or, where
 * a row has fewer vectors, rows that are `perRow` apart: with the padding these begin in different banks, neighbours would not.
 */
function place({ perRow }: Operand, i: number): { row: string; column: string } {
  const column = `(me % ${perRow}u)`;
  const down = (i * THREADS) / perRow;
  if (perRow >= VECTORS_AT_ONCE) return { row: `(me / ${perRow}u + ${down}u)`, column };
  const block = VECTORS_AT_ONCE * perRow;
  const inBlock = `me % ${block}u / ${VECTORS_AT_ONCE}u + me % ${VECTORS_AT_ONCE}u / ${perRow}u * ${perRow}u`;
  return { row: `(me / ${block}u * ${VECTORS_AT_ONCE}u + ${inBlock} + ${down}u)`, column };
}

/** Beyond the edges of the matrix the last row or column is read again. */
function fetchTile(x: Operand, k: string, { ragged, tail, result }: TensorCoreVariant): string {
  const inside = (index: string, end: string, clamp: boolean) => (clamp ? `min(${index}, ${end} - 1u)` : index);
  const [clampRows, clampColumns] = x.alongK ? [ragged !== '', tail] : [tail, ragged !== ''];
  return lines(x.moves, (i) => {
    const { row, column } = place(x, i);
    if (x.name === 'B' && result === 'swiglu') {
      // A move has 32 rows of the tile: two subgroups fetch 16 of the first weight, the others the same 16 of the second.
      const weightRow = inside(`n0 + ${i * FRAGMENT}u + ${place(x, 0).row} % ${FRAGMENT}u`, 'p.N', ragged !== '');
      const at = `(${weightRow}) * lengthB + ${inside(`${x.firstColumn(k)} + ${column}`, 'lengthB', tail)}`;
      return `if (subgroup < ${SUBGROUPS / 2}u) { nextB${i} = B[${at}]; } else { nextB${i} = B2[${at}]; }`;
    }
    const matrixRow = inside(`${x.firstRow(k)} + ${row}`, x.rowCount, clampRows);
    const matrixColumn = inside(`${x.firstColumn(k)} + ${column}`, x.rowLength, clampColumns);
    return `next${x.name}${i} = ${x.name}[(${matrixRow}) * ${x.rowLength} + ${matrixColumn}];`;
  });
}

/**
 * What was fetched for the slice at `k` becomes the tile. Only here is a value looked at: a test where it is fetched would wait
 * for it.
 */
function storeTile(x: Operand, k: string, { tail }: TensorCoreVariant): string {
  return lines(x.moves, (i) => {
    const { row, column } = place(x, i);
    const within = x.alongK ? `${k} + ${column} * ${VECTOR}u < p.K` : `${k} + ${row} < p.K`;
    const value = `next${x.name}${i}`;
    return `tile${x.name}[${row} * ${x.stride}u + ${column}] = ${tail ? `select(vec4u(), ${value}, ${within})` : value};`;
  });
}

/** The fragment `i` of a subgroup's part at the slice's element `k`. */
function loadFragment(x: Operand, i: number, k: number): string {
  const side = x.name === 'A' ? 'left' : 'right';
  const along = `(part${x.name} + ${i * FRAGMENT}u)`;
  const offset = x.alongK ? `${along} * ${x.stride}u + ${k / VECTOR}u` : `${k * x.stride}u + ${along} / ${VECTOR}u`;
  // A's fragment is [M, K] and B's [K, N]: each is read across where memory runs the other way.
  const order = (x.name === 'A') === x.alongK ? 'row_major' : 'col_major';
  const type = `subgroup_matrix_${side}<f16, ${FRAGMENT}, ${FRAGMENT}>`;
  return `let ${x.name.toLowerCase()}${i} = subgroupMatrixLoad<${type}, ${order}>(&tile${x.name}, ${offset}, ${x.stride}u);`;
}

function source(variant: TensorCoreVariant): string {
  const { transposeA, transposeB, residual, ragged, inParts, result: kind } = variant;
  const packs = kind !== 'f32';
  const third = residual ? 'R: array<f32>' : kind === 'swiglu' ? 'B2: array<vec4u>' : null;
  const columns = columnsOfTile(variant);
  const a = operand('A', !transposeA);
  const b = operand('B', transposeB);
  const accumulators = range(FRAGMENTS).flatMap((i) => range(FRAGMENTS).map((j) => ({ i, j, name: `c${i}${j}` })));
  const result = `subgroup_matrix_result<f32, ${FRAGMENT}, ${FRAGMENT}>`;
  const rowOf = (i: number) => `(m0 + partA + ${i * FRAGMENT}u)`;
  const columnOf = (j: number) => `(n0 + partB + ${j * FRAGMENT}u)`;
  const placeOf = (i: number, j: number) => `startC + ${rowOf(i)} * p.N + ${columnOf(j)}`;
  const ifInside = (i: number, j: number, statement: string) =>
    ragged === 'fragments' ? `if (${rowOf(i)} < p.M && ${columnOf(j)} < p.N) { ${statement} }` : statement;
  const [begin, end] = inParts ? ['begin', 'end'] : ['0u', 'p.K'];

  return /* wgsl */ `
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);

struct Shape { M: u32, N: u32, K: u32, part: u32 }
@group(0) @binding(0) var<storage, read> A: array<vec4u>;
@group(0) @binding(1) var<storage, read> B: array<vec4u>;
${third === null ? '' : `@group(0) @binding(2) var<storage, read> ${third};`}
@group(0) @binding(${third === null ? 2 : 3}) var<storage, read_write> C: array<${packs ? 'vec4u' : 'f32'}>;
@group(0) @binding(${third === null ? 3 : 4}) var<uniform> p: Shape;

${kind === 'swiglu' ? SILU : ''}
var<workgroup> tileA: array<vec4u, ${a.rows * a.stride}>;
var<workgroup> tileB: array<vec4u, ${b.rows * b.stride}>;
${ragged === 'elements' && !packs ? `var<workgroup> edge: array<f32, ${SUBGROUPS * FRAGMENT * FRAGMENT}>;` : ''}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let tilesM = (p.M + ${TILE - 1}u) / ${TILE}u;
  let tilesN = (p.N + ${columns - 1}u) / ${columns}u;
  let inGroup = group.x % (${ROWS_OF_TILES}u * tilesN);
  let firstTile = group.x / (${ROWS_OF_TILES}u * tilesN) * ${ROWS_OF_TILES}u;
  let rowsOfTiles = min(tilesM - firstTile, ${ROWS_OF_TILES}u);
  let m0 = (firstTile + inGroup % rowsOfTiles) * ${TILE}u;
  let n0 = inGroup / rowsOfTiles * ${columns}u;
  let subgroup = me / 32u;
  let partA = subgroup / ${TILE / PART}u * ${PART}u;
  let partB = subgroup % ${TILE / PART}u * ${PART}u;
  let lengthA = ${transposeA ? 'p.M' : 'p.K'} / ${VECTOR}u;
  let lengthB = ${transposeB ? 'p.K' : 'p.N'} / ${VECTOR}u;
  let startC = ${inParts ? 'group.z * p.M * p.N' : '0u'};
  ${inParts ? 'let begin = group.z * p.part;\nlet end = min(begin + p.part, p.K);' : ''}

  ${accumulators.map(({ name }) => `var ${name}: ${result};`).join('\n')}
  ${
    residual && ragged !== 'elements'
      ? accumulators
          .map(({ i, j, name }) =>
            ifInside(i, j, `${name} = subgroupMatrixLoad<${result}, row_major>(&R, ${placeOf(i, j)}, p.N);`),
          )
          .join('\n')
      : ''
  }
  ${lines(a.moves, (i) => `var nextA${i}: vec4u;`)}
  ${lines(b.moves, (i) => `var nextB${i}: vec4u;`)}
  ${fetchTile(a, begin, variant)}
  ${fetchTile(b, begin, variant)}
  for (var k = ${begin}; k < ${end}; k += ${SLICE}u) {
    workgroupBarrier();
    ${storeTile(a, 'k', variant)}
    ${storeTile(b, 'k', variant)}
    workgroupBarrier();
    if (k + ${SLICE}u < ${end}) {
      let next = k + ${SLICE}u;
      ${fetchTile(a, 'next', variant)}
      ${fetchTile(b, 'next', variant)}
    }
    ${lines(
      SLICE / FRAGMENT,
      (slice) => `{
      ${lines(FRAGMENTS, (i) => loadFragment(a, i, slice * FRAGMENT))}
      ${lines(
        FRAGMENTS,
        (j) => `${loadFragment(b, j, slice * FRAGMENT)}
      ${lines(FRAGMENTS, (i) => `c${i}${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}${j});`)}`,
      )}
    }`,
    )}
  }
  ${packs ? storePacked(variant) : ''}
  ${(packs ? [] : accumulators)
    .map(({ i, j, name }) =>
      ragged === 'elements'
        ? storeGuarded(name, rowOf(i), columnOf(j), residual)
        : ifInside(i, j, `subgroupMatrixStore<row_major>(&C, ${placeOf(i, j)}, ${name}, p.N);`),
    )
    .join('\n')}
}`;
}

/** By way of workgroup memory: each of the 32 invocations moves eight elements of the fragment. */
function storeGuarded(name: string, row: string, column: string, residual: boolean): string {
  return `
  subgroupMatrixStore<row_major>(&edge, subgroup * ${FRAGMENT * FRAGMENT}u, ${name}, ${FRAGMENT}u);
  workgroupBarrier();
  for (var e = me % 32u; e < ${FRAGMENT * FRAGMENT}u; e += 32u) {
    let m = ${row} + e / ${FRAGMENT}u;
    let n = ${column} + e % ${FRAGMENT}u;
    if (m < p.M && n < p.N) {
      let at = startC + m * p.N + n;
      C[at] = edge[subgroup * ${FRAGMENT * FRAGMENT}u + e]${residual ? ' + R[at]' : ''};
    }
  }
  workgroupBarrier();`;
}

/** Vectors from row to row of 16 x 32 sums in A's tile, which begin in different banks, and all of a subgroup's. */
const SUMS_ROW = (2 * FRAGMENT) / 4 + 1;
const SUMS = FRAGMENT * SUMS_ROW;

/** By way of A's tile, two fragments of a subgroup at a time: 32 columns of C, or 16 of both factors. */
function storePacked({ ragged, result }: TensorCoreVariant): string {
  const gated = result === 'swiglu';
  const vectors = gated ? 2 : 4;
  const column = gated ? 'n0 + partB / 2u' : 'n0 + partB';
  const four = (at: string) => `bitcast<vec4f>(tileA[${at}])`;
  const value = (v: 0 | 1) => (gated ? `silu(${four(`at + ${v}u`)}) * ${four(`at + ${4 + v}u`)}` : four(`at + ${v}u`));
  return `
  let lane = me % 32u;
  let sums = subgroup * ${SUMS}u;
  workgroupBarrier();
  ${lines(FRAGMENTS, (i) =>
    lines(
      FRAGMENTS / 2,
      (pair) => `
  subgroupMatrixStore<row_major>(&tileA, sums, c${i}${2 * pair}, ${SUMS_ROW}u);
  subgroupMatrixStore<row_major>(&tileA, sums + 4u, c${i}${2 * pair + 1}, ${SUMS_ROW}u);
  workgroupBarrier();
  for (var e = lane; e < ${FRAGMENT * vectors}u; e += 32u) {
    let m = m0 + partA + ${i * FRAGMENT}u + e / ${vectors}u;
    let n = ${column} + ${pair * vectors * VECTOR}u + e % ${vectors}u * ${VECTOR}u;
    let at = sums + e / ${vectors}u * ${SUMS_ROW}u + e % ${vectors}u * 2u;
    ${ragged === '' ? '' : 'if (m < p.M && n < p.N) '}{
      let low = ${value(0)};
      let high = ${value(1)};
      C[(m * p.N + n) / ${VECTOR}u] = vec4u(bitcast<vec2u>(vec4<f16>(low)), bitcast<vec2u>(vec4<f16>(high)));
    }
  }
  workgroupBarrier();`,
    ),
  )}`;
}

const SILU = 'fn silu(x: vec4f) -> vec4f { return x / (1.0 + exp(-max(x, vec4f(-87.0)))); }';

export function samples(): Program[] {
  const flags = [false, true];
  const finishes = [
    { residual: false, inParts: false, result: 'f32' },
    { residual: true, inParts: false, result: 'f32' },
    { residual: false, inParts: true, result: 'f32' },
  ] as const;
  const forward = { transposeA: false, transposeB: true, residual: false, inParts: false } as const;
  const packing = (['packed', 'swiglu'] as const).flatMap((result) =>
    (['', 'elements'] as const).map((ragged) => tensorCoreProgram({ ...forward, ragged, tail: ragged !== '', result })),
  );
  const others = flags.flatMap((transposeA) =>
    flags.flatMap((transposeB) =>
      finishes.flatMap((finish) =>
        (['', 'fragments', 'elements'] as const).map((ragged) =>
          tensorCoreProgram({ transposeA, transposeB, ...finish, ragged, tail: ragged !== '' }),
        ),
      ),
    ),
  );
  return [...others, ...packing];
}
