export const TILE = 128;
/** Elements of a slice along K. */
export const SLICE = 32;
/** Rows and columns of a subgroup's part. */
const PART = 64;
const SUBGROUPS = (TILE / PART) ** 2;
export const THREADS = 32 * SUBGROUPS;
/** Halves in 16 bytes, the unit in which tiles are moved. */
const VECTOR = 8;
const FRAGMENT = 16;
const FRAGMENTS = PART / FRAGMENT;
const ROWS_OF_TILES = 8;
/** Inputs A, B (and R), output C; uniforms M, N, K. One workgroup a tile along x, one product of a batch along z. */
export function tensorCoreProgram(variant) {
  const flags = Object.entries(variant).flatMap(([name, on]) => (on ? [name] : []));
  return { key: `matmul-tensor-core/${flags.join('+')}`, wgsl: () => source(variant) };
}
function operand(name, alongK) {
  const [size, origin] = name === 'A' ? ['p.M', 'm0'] : ['p.N', 'n0'];
  const [rows, columns] = alongK ? [TILE, SLICE] : [SLICE, TILE];
  return {
    name,
    alongK,
    rows,
    columns,
    stride: columns / VECTOR + 1,
    moves: (rows * columns) / VECTOR / THREADS,
    rowLength: alongK ? 'p.K' : size,
    rowCount: alongK ? size : 'p.K',
    firstRow: (k) => (alongK ? origin : k),
    firstColumn: (k) => (alongK ? k : origin),
  };
}
const range = (count) => [...Array(count).keys()];
const lines = (count, line) => range(count).map(line).join('\n');
/** Row and column (in vectors) of the matrix that a thread's vector `i` of the tile at `k` comes from. */
function place(x, i, k) {
  const perRow = x.columns / VECTOR;
  const at = `(lid + ${i * THREADS}u)`;
  return {
    row: `(${x.firstRow(k)} + ${at} / ${perRow}u)`,
    column: `(${x.firstColumn(k)} / ${VECTOR}u + ${at} % ${perRow}u)`,
  };
}
/** Beyond the edges of the matrix the last row or column is read again. */
function fetchTile(x, k, { ragged, tail }) {
  const inside = (index, end, clamp) => (clamp ? `min(${index}, ${end} - 1u)` : index);
  const [clampRows, clampColumns] = x.alongK ? [ragged, tail] : [tail, ragged];
  return lines(x.moves, (i) => {
    const { row, column } = place(x, i, k);
    return `{
      let length = ${x.rowLength} / ${VECTOR}u;
      let row = ${inside(row, x.rowCount, clampRows)};
      let column = ${inside(column, 'length', clampColumns)};
      next${x.name}${i} = ${x.name}[batch${x.name} + row * length + column];
    }`;
  });
}
/**
 * What was fetched for the slice at `k` becomes the tile. Only here is a value looked at: a test where it is fetched would wait
 * for it.
 */
function storeTile(x, k, { tail }) {
  const perRow = x.columns / VECTOR;
  return lines(x.moves, (i) => {
    const { row, column } = place(x, i, k);
    const within = x.alongK ? `${column} * ${VECTOR}u < p.K` : `${row} < p.K`;
    const value = `next${x.name}${i}`;
    const at = `(lid + ${i * THREADS}u)`;
    return `tile${x.name}[${at} / ${perRow}u * ${x.stride}u + ${at} % ${perRow}u] = ${tail ? `select(vec4u(), ${value}, ${within})` : value};`;
  });
}
/** The fragment `i` of a subgroup's part at the slice's element `k`. */
function loadFragment(x, i, k) {
  const side = x.name === 'A' ? 'left' : 'right';
  const along = `(part${x.name} + ${i * FRAGMENT}u)`;
  const offset = x.alongK ? `${along} * ${x.stride}u + ${k / VECTOR}u` : `${k * x.stride}u + ${along} / ${VECTOR}u`;
  // A's fragment is [M, K] and B's [K, N]: each is read across where memory runs the other way.
  const order = (x.name === 'A') === x.alongK ? 'row_major' : 'col_major';
  const type = `subgroup_matrix_${side}<f16, ${FRAGMENT}, ${FRAGMENT}>`;
  return `let ${x.name.toLowerCase()}${i} = subgroupMatrixLoad<${type}, ${order}>(&tile${x.name}, ${offset}, ${x.stride}u);`;
}
function source(variant) {
  const { transposeA, transposeB, residual, ragged } = variant;
  const a = operand('A', !transposeA);
  const b = operand('B', transposeB);
  const accumulators = range(FRAGMENTS).flatMap((i) => range(FRAGMENTS).map((j) => ({ i, j, name: `c${i}${j}` })));
  const placeOf = (i, j) => `batchC + (m0 + partA + ${i * FRAGMENT}u) * p.N + n0 + partB + ${j * FRAGMENT}u`;
  const wholeTiles = residual && !ragged;
  return /* wgsl */ `
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);

struct Shape { M: u32, N: u32, K: u32 }
@group(0) @binding(0) var<storage, read> A: array<vec4u>;
@group(0) @binding(1) var<storage, read> B: array<vec4u>;
${residual ? '@group(0) @binding(2) var<storage, read> R: array<f32>;' : ''}
@group(0) @binding(${residual ? 3 : 2}) var<storage, read_write> C: array<f32>;
@group(0) @binding(${residual ? 4 : 3}) var<uniform> p: Shape;

var<workgroup> tileA: array<vec4u, ${a.rows * a.stride}>;
var<workgroup> tileB: array<vec4u, ${b.rows * b.stride}>;
${ragged ? `var<workgroup> edge: array<f32, ${SUBGROUPS * FRAGMENT * FRAGMENT}>;` : ''}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  let tilesM = (p.M + ${TILE - 1}u) / ${TILE}u;
  let tilesN = (p.N + ${TILE - 1}u) / ${TILE}u;
  let inGroup = group.x % (${ROWS_OF_TILES}u * tilesN);
  let firstTile = group.x / (${ROWS_OF_TILES}u * tilesN) * ${ROWS_OF_TILES}u;
  let rowsOfTiles = min(tilesM - firstTile, ${ROWS_OF_TILES}u);
  let m0 = (firstTile + inGroup % rowsOfTiles) * ${TILE}u;
  let n0 = inGroup / rowsOfTiles * ${TILE}u;
  let subgroup = lid / 32u;
  let partA = subgroup / ${TILE / PART}u * ${PART}u;
  let partB = subgroup % ${TILE / PART}u * ${PART}u;
  let batchA = group.z * (p.M * p.K / ${VECTOR}u);
  let batchB = group.z * (p.K * p.N / ${VECTOR}u);
  let batchC = group.z * p.M * p.N;

  ${accumulators.map(({ name }) => `var ${name}: subgroup_matrix_result<f32, ${FRAGMENT}, ${FRAGMENT}>;`).join('\n')}
  ${
    wholeTiles
      ? accumulators
          .map(
            ({ i, j, name }) =>
              `${name} = subgroupMatrixLoad<subgroup_matrix_result<f32, ${FRAGMENT}, ${FRAGMENT}>, row_major>(&R, ${placeOf(i, j)}, p.N);`,
          )
          .join('\n')
      : ''
  }
  ${lines(a.moves, (i) => `var nextA${i}: vec4u;`)}
  ${lines(b.moves, (i) => `var nextB${i}: vec4u;`)}
  ${fetchTile(a, '0u', variant)}
  ${fetchTile(b, '0u', variant)}
  for (var k = 0u; k < p.K; k += ${SLICE}u) {
    workgroupBarrier();
    ${storeTile(a, 'k', variant)}
    ${storeTile(b, 'k', variant)}
    workgroupBarrier();
    if (k + ${SLICE}u < p.K) {
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
  ${
    ragged
      ? accumulators.map(({ i, j, name }) => storeGuarded(name, i, j, residual)).join('\n')
      : accumulators
          .map(({ i, j, name }) => `subgroupMatrixStore<row_major>(&C, ${placeOf(i, j)}, ${name}, p.N);`)
          .join('\n')
  }
}`;
}
/** By way of workgroup memory: each of the 32 invocations moves eight elements of the fragment. */
function storeGuarded(name, i, j, residual) {
  return `
  subgroupMatrixStore<row_major>(&edge, subgroup * ${FRAGMENT * FRAGMENT}u, ${name}, ${FRAGMENT}u);
  workgroupBarrier();
  for (var e = lid % 32u; e < ${FRAGMENT * FRAGMENT}u; e += 32u) {
    let m = m0 + partA + ${i * FRAGMENT}u + e / ${FRAGMENT}u;
    let n = n0 + partB + ${j * FRAGMENT}u + e % ${FRAGMENT}u;
    if (m < p.M && n < p.N) {
      let at = batchC + m * p.N + n;
      C[at] = edge[subgroup * ${FRAGMENT * FRAGMENT}u + e]${residual ? ' + R[at]' : ''};
    }
  }
  workgroupBarrier();`;
}
export function samples() {
  const flags = [false, true];
  return flags.flatMap((transposeA) =>
    flags.flatMap((transposeB) =>
      flags.flatMap((residual) =>
        flags.map((edges) => tensorCoreProgram({ transposeA, transposeB, residual, ragged: edges, tail: edges })),
      ),
    ),
  );
}
//# sourceMappingURL=matmul-tensor-core.js.map
