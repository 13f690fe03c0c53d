// C = op(A) op(B) (+ R) on tensor cores: packed f16 operands, f32 sums. A workgroup makes a tile of C, each of its subgroups a part
// of the tile in accumulators of 16 x 16. Slices along K go through workgroup memory, by way of registers into which they are
// fetched while the slices before them are multiplied.
//   FLOPs: 2 M N K. Bytes: A once for every column of tiles, B once for every row of tiles (mostly from L2), C once.
// Rows in workgroup memory are padded by 16 bytes: without, all rows of a fragment start in the same bank (half the speed).
// Tiles are taken in groups of rows of tiles, so that the operands of the running workgroups fit in L2.
import type { Program } from './runner.js';

/** How the work is divided. */
export interface Plan {
  /** Rows and columns of C that a subgroup makes. */
  readonly part: readonly [rows: number, columns: number];
  /** Subgroups of a workgroup, down and across its tile. */
  readonly subgroups: readonly [down: number, across: number];
  /** Elements of a slice along K. */
  readonly slice: number;
  /** Slices in workgroup memory: with one, a step waits twice for the other subgroups, with two once. */
  readonly buffers: 1 | 2;
  /** Slices on their way in registers. */
  readonly ahead: 1 | 2;
  /** The eight threads that store at once take rows that begin in different banks. */
  readonly spread: boolean;
  /** Rows of tiles that are taken together. */
  readonly rowsOfTiles: number;
  /** Operands whose fragments are read from memory, without a tile in workgroup memory. Only where nothing is ragged. */
  readonly direct: '' | 'B' | 'AB';
  /** What C is stored as. f16 only where nothing is ragged. */
  readonly output: 'f32' | 'f16';
}

export const PLAN: Plan = {
  part: [64, 64],
  subgroups: [2, 2],
  slice: 32,
  buffers: 1,
  ahead: 1,
  spread: false,
  rowsOfTiles: 8,
  direct: '',
  output: 'f32',
};

/** Halves in 16 bytes, the unit in which tiles are moved. */
const VECTOR = 8;
/** Vectors that workgroup memory takes at once: one from each of its 32 banks of four bytes. */
const BANKS = 8;
const FRAGMENT = 16;
/** What devices with tensor cores have. */
const WORKGROUP_BYTES = 49152;

export function tileOf({ part, subgroups }: Plan): readonly [rows: number, columns: number] {
  return [part[0] * subgroups[0], part[1] * subgroups[1]];
}

export const TILE = tileOf(PLAN);

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
}

/** What a product of this shape needs guarded. */
export function edgesOf(
  m: number,
  n: number,
  k: number,
  plan: Plan = PLAN,
): Pick<TensorCoreVariant, 'ragged' | 'tail'> {
  const [rows, columns] = tileOf(plan);
  const whole = m % rows === 0 && n % columns === 0;
  const inFragments = m % FRAGMENT === 0 && n % FRAGMENT === 0;
  return { ragged: whole ? '' : inFragments ? 'fragments' : 'elements', tail: k % plan.slice !== 0 };
}

/** Inputs A, B (and R), output C; uniforms M, N, K. One workgroup a tile along x, one product of a batch along z. */
export function tensorCoreProgram(variant: TensorCoreVariant, plan: Plan = PLAN): Program {
  const flags = Object.entries(variant).flatMap(([name, on]) => (on ? [`${name}${on === true ? '' : `-${on}`}`] : []));
  return {
    key: `matmul-tensor-core/${Object.values(plan).join('-')}/${flags.join('+')}`,
    wgsl: () => source(variant, fitting(variant, plan)),
  };
}

/** With the memory through which ragged stores go, two buffers may be more than there is: then one has to do. */
function fitting({ ragged, transposeA, transposeB }: TensorCoreVariant, plan: Plan): Plan {
  if (ragged !== 'elements') return plan;
  const tiles = [operand('A', !transposeA, plan), operand('B', transposeB, plan)];
  const vectors = tiles.reduce((sum, { rows, stride }) => sum + plan.buffers * rows * stride, 0);
  const edge = (threadsOf(plan) / 32) * FRAGMENT * FRAGMENT * 4;
  return vectors * 2 * VECTOR + edge > WORKGROUP_BYTES ? { ...plan, buffers: 1 } : plan;
}

interface Operand {
  readonly name: 'A' | 'B';
  /** K is the contiguous dimension. */
  readonly alongK: boolean;
  /** The tile as it lies in memory: its rows, and their vectors. */
  readonly rows: number;
  readonly perRow: number;
  /** 16-byte vectors from one row of the workgroup's copy to the next. */
  readonly stride: number;
  /** Vectors that a thread moves at most. */
  readonly moves: number;
  readonly threads: number;
  readonly spread: boolean;
  readonly direct: boolean;
  /** Fragments of a subgroup's part along M or N. */
  readonly fragments: number;
  /** WGSL: vectors in a row of the matrix, the number of its rows, and where along M or N the tile begins. */
  readonly rowLength: string;
  readonly rowCount: string;
  readonly origin: string;
}

function operand(name: 'A' | 'B', alongK: boolean, plan: Plan): Operand {
  const across = name === 'A' ? 0 : 1;
  const [size, origin] = name === 'A' ? ['p.M', 'm0'] : ['p.N', 'n0'];
  const tile = tileOf(plan)[across];
  const [rows, columns] = alongK ? [tile, plan.slice] : [plan.slice, tile];
  const threads = threadsOf(plan);
  return {
    name,
    alongK,
    rows,
    perRow: columns / VECTOR,
    stride: columns / VECTOR + 1,
    moves: Math.ceil((rows * columns) / VECTOR / threads),
    threads,
    spread: plan.spread,
    direct: plan.direct.includes(name),
    fragments: plan.part[across] / FRAGMENT,
    rowLength: `length${name}`,
    rowCount: alongK ? size : 'p.K',
    origin,
  };
}

export function threadsOf({ subgroups }: Plan): number {
  return 32 * subgroups[0] * subgroups[1];
}

const range = (count: number) => [...Array(count).keys()];
const lines = (count: number, line: (i: number) => string) => range(count).map(line).join('\n');

/**
 * Row and column (in vectors) within the tile of a thread's vector `i`. Threads beside each other take vectors beside each other.
 * Where a row has fewer than the eight vectors that are stored at once, these take rows that are `perRow` apart: with the padding they
 * begin in different banks.
 */
function place({ perRow, spread, threads }: Operand, i: number): { row: string; column: string } {
  const block = BANKS * perRow;
  const vector = (offset: number) => (offset === 0 ? 'me' : `(me + ${offset}u)`);
  if (!spread || perRow >= BANKS) {
    if (threads % perRow === 0)
      return { row: `(me / ${perRow}u + ${(i * threads) / perRow}u)`, column: `(me % ${perRow}u)` };
    return { row: `(${vector(i * threads)} / ${perRow}u)`, column: `(${vector(i * threads)} % ${perRow}u)` };
  }
  // Workgroups have whole blocks of threads: 8 rows of at most four vectors.
  const inBlock = `me % ${block}u / ${BANKS}u + me % ${BANKS}u / ${perRow}u * ${perRow}u`;
  return { row: `(me / ${block}u * ${BANKS}u + ${inBlock} + ${(i * threads) / perRow}u)`, column: `(me % ${perRow}u)` };
}

/** Where the last of the moves is not for all threads. */
function ifMoved({ rows, perRow, moves, threads }: Operand, i: number, statement: string): string {
  const rest = rows * perRow - i * threads;
  return i === moves - 1 && rest < threads ? `if (me < ${rest}u) { ${statement} }` : statement;
}

/** Beyond the edges of the matrix the last row or column is read again. */
function fetchTile(x: Operand, set: number, k: string, { ragged, tail }: TensorCoreVariant): string {
  if (x.direct) return '';
  const inside = (index: string, end: string, clamp: boolean) => (clamp ? `min(${index}, ${end} - 1u)` : index);
  const [clampRows, clampColumns] = x.alongK ? [ragged !== '', tail] : [tail, ragged !== ''];
  return lines(x.moves, (i) => {
    const { row, column } = place(x, i);
    const [firstRow, firstColumn] = x.alongK ? [x.origin, `${k} / ${VECTOR}u`] : [k, `${x.origin} / ${VECTOR}u`];
    const rowInside = inside(`${firstRow} + ${row}`, x.rowCount, clampRows);
    const columnInside = inside(`${firstColumn} + ${column}`, x.rowLength, clampColumns);
    return ifMoved(
      x,
      i,
      `next${x.name}${set}${i} = ${x.name}[batch${x.name} + (${rowInside}) * ${x.rowLength} + ${columnInside}];`,
    );
  });
}

/**
 * What was fetched for the slice at `k` becomes the tile. Only here is a value looked at: a test where it is fetched would wait
 * for it.
 */
function storeTile(x: Operand, set: number, buffer: number, k: string, { tail }: TensorCoreVariant): string {
  if (x.direct) return '';
  return lines(x.moves, (i) => {
    const { row, column } = place(x, i);
    const within = x.alongK ? `${k} + ${column} * ${VECTOR}u < p.K` : `${k} + ${row} < p.K`;
    const value = `next${x.name}${set}${i}`;
    const at = `${buffer * x.rows * x.stride}u + ${row} * ${x.stride}u + ${column}`;
    return ifMoved(x, i, `tile${x.name}[${at}] = ${tail ? `select(vec4u(), ${value}, ${within})` : value};`);
  });
}

/** The fragment `i` of a subgroup's part at the element `inSlice` of the slice at `k`. */
function loadFragment(x: Operand, i: number, buffer: number, k: string, inSlice: number): string {
  const side = x.name === 'A' ? 'left' : 'right';
  // A's fragment is [M, K] and B's [K, N]: each is read across where memory runs the other way.
  const order = (x.name === 'A') === x.alongK ? 'row_major' : 'col_major';
  const type = `subgroup_matrix_${side}<f16, ${FRAGMENT}, ${FRAGMENT}>`;
  const load = (array: string, offset: string, stride: string) =>
    `let ${x.name.toLowerCase()}${i} = subgroupMatrixLoad<${type}, ${order}>(&${array}, ${offset}, ${stride});`;
  const along = `(part${x.name} + ${i * FRAGMENT}u)`;
  if (x.direct) {
    const [row, column] = x.alongK
      ? [`${x.origin} + ${along}`, `${k} + ${inSlice}u`]
      : [`${k} + ${inSlice}u`, `${x.origin} + ${along}`];
    return load(x.name, `batch${x.name} + (${row}) * ${x.rowLength} + (${column}) / ${VECTOR}u`, x.rowLength);
  }
  const offset = x.alongK
    ? `${along} * ${x.stride}u + ${inSlice / VECTOR}u`
    : `${inSlice * x.stride}u + ${along} / ${VECTOR}u`;
  return load(`tile${x.name}`, `${buffer * x.rows * x.stride}u + ${offset}`, `${x.stride}u`);
}

/** The slice at `k`: the operand with fewer fragments stays in registers, the other's come one by one. */
function multiplySlice(a: Operand, b: Operand, buffer: number, k: string, slice: number): string {
  const [held, passing] = a.fragments <= b.fragments ? [a, b] : [b, a];
  const sum = (inHeld: number, inPassing: number) => {
    const [i, j] = held === a ? [inHeld, inPassing] : [inPassing, inHeld];
    return `c${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}_${j});`;
  };
  return lines(
    slice / FRAGMENT,
    (step) => `{
      ${lines(held.fragments, (i) => loadFragment(held, i, buffer, k, step * FRAGMENT))}
      ${lines(passing.fragments, (j) => `${loadFragment(passing, j, buffer, k, step * FRAGMENT)}\n${lines(held.fragments, (i) => sum(i, j))}`)}
    }`,
  );
}

/** The loop over K. Where buffers or registers alternate, two slices make a round, so that all their places are constants. */
function loopOverK(
  a: Operand,
  b: Operand,
  variant: TensorCoreVariant,
  { slice, buffers, ahead, direct }: Plan,
): string {
  const fetch = (set: number, k: string) => `${fetchTile(a, set, k, variant)}\n${fetchTile(b, set, k, variant)}`;
  const store = (set: number, buffer: number, k: string) =>
    `${storeTile(a, set, buffer, k, variant)}\n${storeTile(b, set, buffer, k, variant)}`;
  const at = (k: string, slices: number) => `${k} + ${slices * slice}u`;
  const fetchIfInside = (set: number, k: string) => `if (${k} < p.K) {\n let next = ${k};\n${fetch(set, 'next')}\n}`;

  if (direct === 'AB') return `for (var k = 0u; k < p.K; k += ${slice}u) {\n${multiplySlice(a, b, 0, 'k', slice)}\n}`;
  const step = (k: string, parity: number) => {
    const multiply = multiplySlice(a, b, buffers === 2 ? parity : 0, k, slice);
    if (buffers === 1) {
      const set = parity % ahead;
      return `workgroupBarrier();\n${store(set, 0, k)}\nworkgroupBarrier();\n${fetchIfInside(set, at(k, ahead))}\n${multiply}`;
    }
    const set = (parity + 1) % ahead;
    return `${store(set, 1 - parity, `${at(k, 1)}`)}\n${fetchIfInside(set, at(k, 1 + ahead))}\n${multiply}\nworkgroupBarrier();`;
  };
  const begin =
    buffers === 1
      ? lines(ahead, (i) => fetchIfInside(i, at('0u', i)))
      : `${fetch(0, '0u')}\n${store(0, 0, '0u')}\n${lines(ahead, (i) => fetchIfInside((i + 1) % ahead, at('0u', i + 1)))}\nworkgroupBarrier();`;
  if (buffers === 1 && ahead === 1) return `${begin}\nfor (var k = 0u; k < p.K; k += ${slice}u) {\n${step('k', 0)}\n}`;
  return `${begin}
  for (var k = 0u; k < p.K; k += ${2 * slice}u) {
    ${step('k', 0)}
    let second = k + ${slice}u;
    if (second >= p.K) { break; }
    ${step('second', 1)}
  }`;
}

function source(variant: TensorCoreVariant, plan: Plan): string {
  const { transposeA, transposeB, residual, ragged } = variant;
  const { part, subgroups, rowsOfTiles, output, buffers, ahead } = plan;
  const a = operand('A', !transposeA, plan);
  const b = operand('B', transposeB, plan);
  const tile = tileOf(plan);
  const accumulators = range(a.fragments).flatMap((i) => range(b.fragments).map((j) => ({ i, j, name: `c${i}_${j}` })));
  const result = `subgroup_matrix_result<f32, ${FRAGMENT}, ${FRAGMENT}>`;
  const rowOf = (i: number) => `(m0 + partA + ${i * FRAGMENT}u)`;
  const columnOf = (j: number) => `(n0 + partB + ${j * FRAGMENT}u)`;
  const placeOf = (i: number, j: number) => `batchC + ${rowOf(i)} * p.N + ${columnOf(j)}`;
  const ifInside = (i: number, j: number, statement: string) =>
    ragged === 'fragments' ? `if (${rowOf(i)} < p.M && ${columnOf(j)} < p.N) { ${statement} }` : statement;
  const throughEdge = ragged === 'elements' || output === 'f16';
  const registers = (x: Operand) =>
    x.direct ? '' : lines(ahead, (set) => lines(x.moves, (i) => `var next${x.name}${set}${i}: vec4u;`));
  const memory = (x: Operand) =>
    x.direct ? '' : `var<workgroup> tile${x.name}: array<vec4u, ${buffers * x.rows * x.stride}>;`;

  return /* wgsl */ `
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);

struct Shape { M: u32, N: u32, K: u32 }
@group(0) @binding(0) var<storage, read> A: array<vec4u>;
@group(0) @binding(1) var<storage, read> B: array<vec4u>;
${residual ? '@group(0) @binding(2) var<storage, read> R: array<f32>;' : ''}
@group(0) @binding(${residual ? 3 : 2}) var<storage, read_write> C: array<${output === 'f16' ? 'vec4u' : 'f32'}>;
@group(0) @binding(${residual ? 4 : 3}) var<uniform> p: Shape;

${memory(a)}
${memory(b)}
${throughEdge ? `var<workgroup> edge: array<f32, ${subgroups[0] * subgroups[1] * FRAGMENT * FRAGMENT}>;` : ''}

@compute @workgroup_size(${threadsOf(plan)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let tilesM = (p.M + ${tile[0] - 1}u) / ${tile[0]}u;
  let tilesN = (p.N + ${tile[1] - 1}u) / ${tile[1]}u;
  let inGroup = group.x % (${rowsOfTiles}u * tilesN);
  let firstTile = group.x / (${rowsOfTiles}u * tilesN) * ${rowsOfTiles}u;
  let rowsOfTiles = min(tilesM - firstTile, ${rowsOfTiles}u);
  let m0 = (firstTile + inGroup % rowsOfTiles) * ${tile[0]}u;
  let n0 = inGroup / rowsOfTiles * ${tile[1]}u;
  let subgroup = me / 32u;
  let partA = subgroup / ${subgroups[1]}u * ${part[0]}u;
  let partB = subgroup % ${subgroups[1]}u * ${part[1]}u;
  let lengthA = ${transposeA ? 'p.M' : 'p.K'} / ${VECTOR}u;
  let lengthB = ${transposeB ? 'p.K' : 'p.N'} / ${VECTOR}u;
  let batchA = group.z * (p.M * p.K / ${VECTOR}u);
  let batchB = group.z * (p.K * p.N / ${VECTOR}u);
  let batchC = group.z * p.M * p.N;

  ${accumulators.map(({ name }) => `var ${name}: ${result};`).join('\n')}
  ${
    residual && !throughEdge
      ? accumulators
          .map(({ i, j, name }) =>
            ifInside(i, j, `${name} = subgroupMatrixLoad<${result}, row_major>(&R, ${placeOf(i, j)}, p.N);`),
          )
          .join('\n')
      : ''
  }
  ${registers(a)}
  ${registers(b)}
  ${loopOverK(a, b, variant, plan)}
  ${accumulators
    .map(({ i, j, name }) => {
      if (output === 'f16') return storeHalf(name, placeOf(i, j));
      if (throughEdge) return storeGuarded(name, rowOf(i), columnOf(j), residual);
      return ifInside(i, j, `subgroupMatrixStore<row_major>(&C, ${placeOf(i, j)}, ${name}, p.N);`);
    })
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
      let at = batchC + m * p.N + n;
      C[at] = edge[subgroup * ${FRAGMENT * FRAGMENT}u + e]${residual ? ' + R[at]' : ''};
    }
  }
  workgroupBarrier();`;
}

/** The same, in f16: each invocation rounds eight elements of a row. */
function storeHalf(name: string, place: string): string {
  const at = (e: number) => `edge[first + ${e}u]`;
  const pair = (e: number) => `pack2x16float(vec2f(${at(e)}, ${at(e + 1)}))`;
  return `
  subgroupMatrixStore<row_major>(&edge, subgroup * ${FRAGMENT * FRAGMENT}u, ${name}, ${FRAGMENT}u);
  workgroupBarrier();
  {
    let first = subgroup * ${FRAGMENT * FRAGMENT}u + me % 32u * ${VECTOR}u;
    C[(${place} + me % 32u / 2u * p.N) / ${VECTOR}u + me % 2u] = vec4u(${[0, 2, 4, 6].map(pair).join(', ')});
  }
  workgroupBarrier();`;
}

export function samples(): Program[] {
  const flags = [false, true];
  return flags.flatMap((transposeA) =>
    flags.flatMap((transposeB) =>
      flags.flatMap((residual) =>
        (['', 'fragments', 'elements'] as const).map((ragged) =>
          tensorCoreProgram({ transposeA, transposeB, residual, ragged, tail: ragged !== '' }),
        ),
      ),
    ),
  );
}
