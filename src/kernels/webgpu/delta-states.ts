// The states between chunks under the delta rule, and the corrections that they make of a chunk's values:
//   U' = U - W S;  S' = exp(G[C]) S + K~^T U',  K~ the keys with the decays to the chunk's end.
// One workgroup a row and tile of Dv, with all of Dk, since a correction needs every key channel; it goes from chunk to chunk.
// f32: S in registers, as 64 x 64 pieces; where S is an operand it is read back from the states just written.
// Tensor cores: S in the registers of four subgroups, a band of 16 keys in every 64 each; W and K~ go into them straight from
// memory, each element once. A tile of Dv is narrow (32, or 16 for long keys), so that many workgroups share the serial walk.
// Bytes: w and K~ once for every tile of Dv (mostly from the cache), u in, U' and a state a chunk out. FLOPs: 4 Dk Dv a token.
// Bound by the latency of a chunk's four dependent steps.
import type * as tf from '#tfjs';
import {
  CHUNK,
  F32_TILES,
  MATRIX_TYPES,
  enables,
  operandElements,
  tilingName,
  F32,
  MATRIX,
  type Tiling,
} from './chunk-tiles.js';
import type { OwnValues } from './chunk-outputs.js';
import { paddedKeyDim, type DeltaSystems } from './delta-systems.js';
import { run, type Program } from './runner.js';

interface Spec extends Tiling {
  readonly keyDim: number;
  readonly valueDim: number;
  readonly decays: boolean;
}

function programOf(spec: Spec): Program {
  const { keyDim, valueDim, decays, tensorCores } = spec;
  const own = tensorCores ? 'vec4u' : 'vec4f'; // vec4u: eight halves
  const inputs = [
    ...['w', 'keys', 'u'].map((name) => `${name}: array<${own}>`),
    'start: array<vec4f>',
    ...(decays ? ['fromStart: array<f32>'] : []),
  ];
  const outputs = [`states: array<${own}>`, `corrections: array<${own}>`, 'last: array<vec4f>'];
  const buffers = [
    ...inputs.map((input) => `var<storage, read> ${input}`),
    ...outputs.map((output) => `var<storage, read_write> ${output}`),
    'var<uniform> sizes: Sizes',
  ];
  return {
    key: `delta-states/${keyDim}/${valueDim}/${decays ? 'decays' : 'stays'}/${tilingName(spec)}`,
    wgsl: () => `${enables(spec)}
struct Sizes { length: u32, chunks: u32 }
${buffers.map((buffer, i) => `@group(0) @binding(${i}) ${buffer};`).join('\n')}
${tensorCores ? matrixMemory(spec) : F32_TILES}

/** What the chunk leaves of S. */
fn remaining(row: u32, chunk: u32) -> f32 {
  return ${decays ? `fromStart[row * sizes.length + min((chunk + 1u) * ${CHUNK}u, sizes.length) - 1u]` : '1.0'};
}

@compute @workgroup_size(${tensorCores ? 128 : 256})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
${tensorCores ? onTensorCores(spec) : inF32(spec)}
}
`,
  };
}

const lines = (items: string[]) => items.join('\n');
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

function inF32({ keyDim, valueDim }: Spec): string {
  const padded = paddedKeyDim(keyDim);
  const pieces = range(padded / CHUNK);
  const fourths = valueDim / 4;
  /** Each row of each piece that is inside S: its statement. */
  const eachRow = (statement: (piece: number, m: number, at: string) => string, base: string) =>
    lines(
      pieces.flatMap((piece) =>
        range(4).map((m) => {
          const channel = `${CHUNK * piece + m}u + 4u * y`;
          return `if (inside && ${channel} < ${keyDim}u) { ${statement(piece, m, `(${base} + ${channel}) * ${fourths}u + fourth`)} }`;
        }),
      ),
    );
  return `
  let x = local & 15u;
  let y = local >> 4u;
  let fourth = group.x * ${CHUNK / 4}u + x;
  let inside = fourth < ${fourths}u;
  ${lines(pieces.map((piece) => `var state${piece} = mat4x4f();`))}
  ${eachRow((piece, m, at) => `state${piece}[${m}] = start[${at}];`, `row * ${keyDim}u`)}
  for (var chunk = 0u; chunk < sizes.chunks; chunk++) {
    let token = (row * sizes.chunks + chunk) * ${CHUNK}u;
    let stateRow = (row * sizes.chunks + chunk) * ${keyDim}u;
    ${eachRow((piece, m, at) => `states[${at}] = state${piece}[${m}];`, 'stateRow')}
    storageBarrier();
    var read = mat4x4f();
    for (var c = 0u; c < ${keyDim}u; c += 16u) {
      if (local < 64u) {
        let tokens = local >> 2u;
        let at = (token + 4u * tokens) * ${padded / 4}u + c / 4u + (local & 3u);
        let block = transpose(mat4x4f(${range(4)
          .map((m) => `w[at + ${(m * padded) / 4}u]`)
          .join(', ')}));
        ${lines(range(4).map((m) => `left[(4u * (local & 3u) + ${m}u) * 16u + tokens] = block[${m}];`))}
      }
      right[local] = vec4f();
      if (inside && c + y < ${keyDim}u) { right[local] = states[(stateRow + c + y) * ${fourths}u + fourth]; }
      workgroupBarrier();
      read = product(y, x, read);
      workgroupBarrier();
    }
    var correction = mat4x4f();
    if (inside) {
      let at = (token + 4u * y) * ${fourths}u + fourth;
      let first = chunk * ${CHUNK}u + 4u * y;
      ${lines(
        range(4).map(
          (m) => `correction[${m}] = u[at + ${m * fourths}u] - read[${m}];
      if (first + ${m}u < sizes.length) {
        corrections[(row * sizes.length + first + ${m}u) * ${fourths}u + fourth] = correction[${m}];
      }`,
        ),
      )}
    }
    let decay = remaining(row, chunk);
    ${lines(pieces.map((piece) => `state${piece} *= decay;`))}
    for (var t = 0u; t < ${CHUNK}u; t += 16u) {
      if (y / 4u == t / 16u) {
        ${lines(range(4).map((m) => `right[(4u * (y % 4u) + ${m}u) * 16u + x] = correction[${m}];`))}
      }
      ${lines(
        pieces.map(
          (piece) => `left[local] = keys[(token + t + y) * ${padded / 4}u + ${(CHUNK * piece) / 4}u + x];
      workgroupBarrier();
      state${piece} = product(y, x, state${piece});
      workgroupBarrier();`,
        ),
      )}
    }
  }
  ${eachRow((piece, m, at) => `last[${at}] = state${piece}[${m}];`, `row * ${keyDim}u`)}`;
}

/** Columns of S in a workgroup: what its memory has room for. */
function tileWidth(keyDim: number): number {
  return paddedKeyDim(keyDim) <= 128 ? 32 : 16;
}

function matrixMemory({ keyDim }: Spec): string {
  const [padded, width] = [paddedKeyDim(keyDim), tileWidth(keyDim)];
  return `${MATRIX_TYPES}
var<workgroup> floats: array<vec4f, ${padded * (width / 4 + 1)}>;
var<workgroup> state: array<vec4u, ${padded * (width / 8 + 1)}>;
var<workgroup> correction: array<vec4u, ${CHUNK * (width / 8 + 1)}>;
`;
}

function onTensorCores({ keyDim, valueDim }: Spec): string {
  const [padded, width] = [paddedKeyDim(keyDim), tileWidth(keyDim)];
  // Rows of workgroup memory in vectors of four floats, and of eight halves; rows of S and of W in vectors of eight.
  const [floatRow, halfRow] = [width / 4 + 1, width / 8 + 1];
  const [stateRow, keyRow] = [valueDim / 8, padded / 8];
  const bands = range(padded / 64);
  const columns = range(width / 16);
  const each = (statement: (band: number, column: number) => string) =>
    lines(bands.flatMap((band) => columns.map((column) => statement(band, column))));
  const bandAt = (band: number) => `(${64 * band}u + 16u * subgroup)`;
  const floatsAt = (row: string, column: number) => `&floats, ${row} * ${floatRow}u + ${4 * column}u`;
  const multiply = (sum: string, column: number) => `${sum} = subgroupMatrixMultiplyAccumulate(a, b${column}, ${sum});`;
  const keysInside = keyDim % 64 === 0 ? [] : [`at < ${keyDim}u`];
  const valuesInside = valueDim % width === 0 ? [] : [`value < ${stateRow}u`];
  const inside = [...keysInside, ...valuesInside].join(' && ') || 'true';
  /** Every eight neighbours of a row `at` of the tile. */
  const eachEight = (rows: number, body: string) => `
    for (var e = local; e < ${(rows * width) / 8}u; e += 128u) {
      let at = e / ${width / 8}u;
      let eight = e % ${width / 8}u;
      let value = firstValue + eight;
      let float = at * ${floatRow}u + 2u * eight;
      let half = at * ${halfRow}u + eight;
      ${body}
    }`;
  return `
  let subgroup = local >> 5u;
  let firstValue = group.x * ${width / 8}u;
  ${eachEight(
    padded,
    `floats[float] = vec4f();
      floats[float + 1u] = vec4f();
      if (${inside}) {
        let origin = 2u * ((row * ${keyDim}u + at) * ${stateRow}u + value);
        floats[float] = start[origin];
        floats[float + 1u] = start[origin + 1u];
      }`,
  )}
  workgroupBarrier();
  ${each(
    (band, column) =>
      `var state${band}${column} = subgroupMatrixLoad<Sum, row_major>(${floatsAt(bandAt(band), column)}, ${floatRow}u);`,
  )}
  for (var chunk = 0u; chunk < sizes.chunks; chunk++) {
    let token = (row * sizes.chunks + chunk) * ${CHUNK}u;
    // S as an operand, and to memory.
    ${eachEight(
      padded,
      `let halves = packed(floats[float], floats[float + 1u]);
      state[half] = halves;
      if (${inside}) { states[((row * sizes.chunks + chunk) * ${keyDim}u + at) * ${stateRow}u + value] = halves; }`,
    )}
    workgroupBarrier();
    // W S, the subgroup's 16 tokens of it.
    ${lines(columns.map((column) => `var read${column} = Sum();`))}
    for (var c = 0u; c < ${keyRow}u; c += 2u) {
      let a = subgroupMatrixLoad<Left, row_major>(&w, (token + 16u * subgroup) * ${keyRow}u + c, ${keyRow}u);
      ${lines(
        columns.map(
          (column) =>
            `let b${column} = subgroupMatrixLoad<Right, row_major>(&state, c * ${8 * halfRow}u + ${2 * column}u, ${halfRow}u);
      ${multiply(`read${column}`, column)}`,
        ),
      )}
    }
    ${lines(
      columns.map(
        (column) =>
          `subgroupMatrixStore<row_major>(${floatsAt('16u * subgroup', column)}, read${column}, ${floatRow}u);`,
      ),
    )}
    workgroupBarrier();
    ${eachEight(
      CHUNK,
      `correction[half] = vec4u();
      if (${valuesInside.join('') || 'true'}) {
        let out = (token + at) * ${stateRow}u + value;
        let given = u[out];
        let corrected = packed(
          vec4f(bitcast<vec4<f16>>(given.xy)) - floats[float],
          vec4f(bitcast<vec4<f16>>(given.zw)) - floats[float + 1u],
        );
        correction[half] = corrected;
        corrections[out] = corrected;
      }`,
    )}
    workgroupBarrier();
    // S, decayed, and with the chunk.
    let decay = remaining(row, chunk);
    ${each((band, column) => `state${band}${column} = subgroupMatrixScalarMultiply(state${band}${column}, decay);`)}
    for (var t = 0u; t < ${CHUNK}u; t += 16u) {
      ${lines(
        columns.map(
          (column) =>
            `let b${column} = subgroupMatrixLoad<Right, row_major>(&correction, t * ${halfRow}u + ${2 * column}u, ${halfRow}u);`,
        ),
      )}
      ${lines(
        bands.map(
          (band) => `{
        let a = subgroupMatrixLoad<Left, col_major>(&keys, (token + t) * ${keyRow}u + ${bandAt(band)} / 8u, ${keyRow}u);
        ${lines(columns.map((column) => multiply(`state${band}${column}`, column)))}
      }`,
        ),
      )}
    }
    ${each(
      (band, column) =>
        `subgroupMatrixStore<row_major>(${floatsAt(bandAt(band), column)}, state${band}${column}, ${floatRow}u);`,
    )}
    workgroupBarrier();
  }
  ${eachEight(
    padded,
    `if (${inside}) {
        let to = 2u * ((row * ${keyDim}u + at) * ${stateRow}u + value);
        last[to] = floats[float];
        last[to + 1u] = floats[float + 1u];
      }`,
  )}`;
}

export interface DeltaStates {
  /** S before each chunk: [B Nv, chunks, Dk, Dv] operands, for kernels only. */
  readonly states: tf.Tensor;
  /** U', [B, Nv, T, Dv] */
  readonly corrections: tf.Tensor4D | OwnValues;
  /** S after the last token, [B, Nv, Dk, Dv]. */
  readonly final: tf.Tensor4D;
}

/** `fromStart` [B, Nv, T] of \`chunkDecays\`, null where nothing decays; start [B, Nv, Dk, Dv]. */
export function deltaStates(
  { w, keys, u, tensorCores }: DeltaSystems,
  fromStart: tf.Tensor | null,
  start: tf.Tensor4D,
  length: number,
): DeltaStates {
  const [batch, heads, keyDim, valueDim] = start.shape;
  const chunks = Math.ceil(length / CHUNK);
  const spec: Spec = { keyDim, valueDim, decays: fromStart !== null, tensorCores };
  const rows = batch * heads * chunks;
  const ownShape = [operandElements(rows * CHUNK * valueDim, spec)];
  const [states, corrections, final] = run({
    program: programOf(spec),
    inputs: [w, keys, u, start, ...(fromStart === null ? [] : [fromStart])],
    outputs: [
      { shape: [operandElements(rows * keyDim * valueDim, spec)] },
      { shape: tensorCores ? ownShape : [batch, heads, length, valueDim] },
      { shape: start.shape },
    ],
    uniforms: [length, chunks],
    workgroups: [Math.ceil(valueDim / (spec.tensorCores ? tileWidth(keyDim) : CHUNK)), batch * heads],
  });
  return {
    states,
    corrections: tensorCores ? { operands: corrections } : (corrections as tf.Tensor4D),
    final: final as tf.Tensor4D,
  };
}

export function samples(): Program[] {
  return [F32, MATRIX].flatMap((form) => [
    programOf({ keyDim: 128, valueDim: 128, decays: false, ...form }),
    programOf({ keyDim: 128, valueDim: 256, decays: true, ...form }),
    programOf({ keyDim: 256, valueDim: 512, decays: true, ...form }),
    programOf({ keyDim: 24, valueDim: 48, decays: true, ...form }),
  ]);
}
