// The states between chunks under the delta rule with the corrections (delta-states.ts), forward, on tensor cores: f16 operands, f32
// sums.
// One workgroup a row and tile of Dv with all of Dk, from chunk to chunk. S is in the sums of four subgroups, a band of 16 keys in
// every 64 each; W and K~ go into matrices straight from memory, where each matrix lies in one piece, and are on their way
// long before they are wanted. The same 16 KiB of workgroup memory hold S on its way to an operand, then W S, then the corrections, with seven barriers a
// chunk: three workgroups at once. A tile of Dv is narrow (32, or 16 for long keys), so that many workgroups share the serial walk.
// Bytes: w and K~ once for every tile of Dv (mostly from the cache), u in, U' and a state a chunk out. FLOPs: 4 Dk Dv a token.
// Bound by the latency of a chunk's dependent steps.
import type * as tf from '#tfjs';
import { CHUNK } from './chunk-tiles.js';
import { lines, MATRIX_HEADER, range, strideOf } from './chunk-tensor-cores.js';
import { paddedKeyDim, type DeltaSystemsF16 } from './delta-systems-f16.js';
import { run, type Program } from './runner.js';

const THREADS = 128;

interface Spec {
  /** Multiples of 16. */
  readonly keyDim: number;
  readonly valueDim: number;
  readonly decays: boolean;
}

function programOf(spec: Spec): Program {
  const { keyDim, valueDim, decays } = spec;
  return {
    key: `delta-states-f16/${keyDim}/${valueDim}/${decays ? 'decays' : 'stays'}`,
    wgsl: () => source(spec),
  };
}

/** Columns of S in a workgroup: what 16 KiB have room for, up to 256 keys. */
function tileWidth(keyDim: number): number {
  return paddedKeyDim(keyDim) <= 128 ? 32 : 16;
}

function source({ keyDim, valueDim, decays }: Spec): string {
  const [padded, width] = [paddedKeyDim(keyDim), tileWidth(keyDim)];
  const columns = width / 16;
  const bands = padded / 64;
  const steps = padded / 16;
  /** Vectors from row to row: of S as an operand, of W S and the corrections, of S in memory. */
  const [operandStride, sumStride] = [strideOf(width), width / 4 + 1];
  const stateRow = valueDim / 8;
  /** Vectors of a matrix of S in f32, which lie one behind the other. */
  const MATRIX = 64;
  const memory = Math.max(steps * columns * MATRIX, padded * operandStride, CHUNK * sumStride);

  const each = (statement: (band: number, column: number) => string) =>
    lines(bands, (band) => lines(columns, (column) => statement(band, column)));
  const bandAt = (band: number) => `(${64 * band}u + 16u * subgroup)`;
  const [keyEdges, valueEdges] = [keyDim % 64 !== 0, valueDim % width !== 0];
  const ifInside = (key: string, column: string, statement: string) => {
    const inside = [
      ...(keyEdges ? [`${key} < ${keyDim}u`] : []),
      ...(valueEdges ? [`firstValue + 16u * ${column} < ${valueDim}u`] : []),
    ];
    return inside.length === 0 ? statement : `if (${inside.join(' && ')}) { ${statement} }`;
  };
  const originOf = (band: number, column: number) =>
    `(row * ${keyDim}u + ${bandAt(band)}) * ${valueDim}u + firstValue + ${16 * column}u`;
  const multiply = (sum: string, a: string, b: string) =>
    `${sum} = subgroupMatrixMultiplyAccumulate(${a}, ${b}, ${sum});`;
  const loadW = (step: number) =>
    `subgroupMatrixLoad<Left, row_major>(&w, (((row * sizes.chunks + W_CHUNK) * 4u + subgroup) * ${steps}u + ${step}u) * 32u, 2u)`;

  /** An invocation's vectors of S: of matrix e / 32, row e / 2 % 16 of it and one of its sides. */
  const moves = (steps * columns * 32) / THREADS;
  const eachOfState = (text: (n: number) => string) =>
    lines(moves, (n) => `{ let matrix = local / 32u + ${(n * THREADS) / 32}u; ${text(n)} }`);
  const key = `(matrix / ${columns}u * 16u + line)`;
  const column = `(matrix % ${columns}u)`;

  /** Of a token and 16 columns of the corrections; all invocations have one where the tile has 32. */
  const ofCorrection = (statement: string) =>
    CHUNK * columns < THREADS ? `if (local < ${CHUNK * columns}u) { ${statement} }` : statement;
  const given = (half: number) => `u[correctionAt + ${half}u]`;

  const inputs = ['w: array<vec4u>', 'keys: array<vec4u>', 'u: array<vec4u>', 'start: array<f32>'];
  if (decays) inputs.push('fromStart: array<f32>');
  const outputs = ['states: array<vec4u>', 'corrections: array<vec4u>', 'last: array<f32>'];
  const buffers = [
    ...inputs.map((input) => `var<storage, read> ${input}`),
    ...outputs.map((output) => `var<storage, read_write> ${output}`),
    'var<uniform> sizes: Sizes',
  ];
  return /* wgsl */ `${MATRIX_HEADER}
struct Sizes { length: u32, chunks: u32 }
${buffers.map((buffer, i) => `@group(0) @binding(${i}) ${buffer};`).join('\n')}
var<workgroup> memory: array<vec4u, ${memory}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let firstValue = group.x * ${width}u;
  let subgroup = local / 32u;
  let line = local / 2u % 16u;
  let side = local % 2u;
  let token = local / ${columns}u % ${CHUNK}u;
  let tokenColumn = local % ${columns}u;
  ${each((band, column) => `var state${band}${column} = Sum();`)}
  ${each((band, column) => ifInside(bandAt(band), `${column}u`, `state${band}${column} = subgroupMatrixLoad<Sum, row_major>(&start, ${originOf(band, column)}, ${valueDim}u);`))}
  ${lines(steps, (step) => `var w${step} = ${loadW(step).replace('W_CHUNK', '0u')};`)}
  for (var chunk = 0u; chunk < sizes.chunks; chunk++) {
    let chunkRow = row * sizes.chunks + chunk;
    let firstToken = chunkRow * ${CHUNK}u;
    ${decays ? `let decay = fromStart[row * sizes.length + min((chunk + 1u) * ${CHUNK}u, sizes.length) - 1u];` : ''}
    let correctionAt = (firstToken + token) * ${stateRow}u + firstValue / 8u + 2u * tokenColumn;
    var given0 = vec4u();
    var given1 = vec4u();
    ${ofCorrection(ifInside('0u', 'tokenColumn', `given0 = ${given(0)}; given1 = ${given(1)};`))}
    // S as an operand, and to memory.
    ${each((band, column) => `subgroupMatrixStore<row_major>(&memory, (${(4 * band * columns + column) * MATRIX}u + subgroup * ${columns * MATRIX}u), state${band}${column}, 4u);`)}
    workgroupBarrier();
    ${lines(moves, (n) => `var halves${n}: vec4u;`)}
    ${eachOfState(
      (n) => `let at = matrix * ${MATRIX}u + line * 4u + 2u * side;
      halves${n} = packed(Eight(bitcast<vec4f>(memory[at]), bitcast<vec4f>(memory[at + 1u])));
      ${ifInside(key, column, `states[(chunkRow * ${keyDim}u + ${key}) * ${stateRow}u + firstValue / 8u + 2u * ${column} + side] = halves${n};`)}`,
    )}
    workgroupBarrier();
    ${eachOfState((n) => `memory[${key} * ${operandStride}u + 2u * ${column} + side] = halves${n};`)}
    workgroupBarrier();
    ${lines(bands, (band) => lines(4, (t) => `let k${band}${t} = subgroupMatrixLoad<Left, col_major>(&keys, ((chunkRow * 4u + ${t}u) * ${steps}u + ${4 * band}u + subgroup) * 32u, 2u);`))}
    // W S, the subgroup's 16 tokens of it.
    ${lines(columns, (column) => `var read${column} = Sum();`)}
    ${lines(steps, (step) =>
      lines(
        columns,
        (column) =>
          `{ let b = subgroupMatrixLoad<Right, row_major>(&memory, ${16 * step * operandStride + 2 * column}u, ${operandStride}u); ${multiply(`read${column}`, `w${step}`, 'b')} }`,
      ),
    )}
    let next = min(chunk + 1u, sizes.chunks - 1u);
    ${lines(steps, (step) => `w${step} = ${loadW(step).replace('W_CHUNK', 'next')};`)}
    workgroupBarrier();
    ${lines(columns, (column) => `subgroupMatrixStore<row_major>(&memory, subgroup * ${16 * sumStride}u + ${4 * column}u, read${column}, ${sumStride}u);`)}
    workgroupBarrier();
    // The corrections come where their own sums are.
    ${ofCorrection(`{ let at = token * ${sumStride}u + 4u * tokenColumn;
      let first = unpacked(given0);
      let second = unpacked(given1);
      let corrected0 = packed(Eight(first.a - bitcast<vec4f>(memory[at]), first.b - bitcast<vec4f>(memory[at + 1u])));
      let corrected1 = packed(Eight(second.a - bitcast<vec4f>(memory[at + 2u]), second.b - bitcast<vec4f>(memory[at + 3u])));
      memory[at] = corrected0;
      memory[at + 1u] = corrected1;
      ${ifInside('0u', 'tokenColumn', 'corrections[correctionAt] = corrected0; corrections[correctionAt + 1u] = corrected1;')} }`)}
    workgroupBarrier();
    // S, decayed, and with the chunk.
    ${decays ? each((band, column) => `state${band}${column} = subgroupMatrixScalarMultiply(state${band}${column}, decay);`) : ''}
    ${lines(4, (t) =>
      lines(
        columns,
        (
          column,
        ) => `{ let b = subgroupMatrixLoad<Right, row_major>(&memory, ${16 * t * sumStride + 4 * column}u, ${sumStride}u);
      ${range(bands)
        .map((band) => multiply(`state${band}${column}`, `k${band}${t}`, 'b'))
        .join('\n')} }`,
      ),
    )}
    workgroupBarrier();
  }
  ${each((band, column) => ifInside(bandAt(band), `${column}u`, `subgroupMatrixStore<row_major>(&last, ${originOf(band, column)}, state${band}${column}, ${valueDim}u);`))}
}
`;
}

export interface DeltaStatesF16 {
  /** S before each chunk: f16, [B Nv, chunks, Dk, Dv], for kernels only. */
  readonly states: tf.Tensor;
  /** U': f16, [B Nv, chunks, 64, Dv], for kernels only. */
  readonly corrections: tf.Tensor;
  /** S after the last token, [B, Nv, Dk, Dv]. */
  readonly final: tf.Tensor4D;
}

/** `fromStart` [B, Nv, T] of `chunkDecays`, null where nothing decays; start [B, Nv, Dk, Dv]. */
export function deltaStatesF16(
  { w, keys, u }: DeltaSystemsF16,
  fromStart: tf.Tensor | null,
  start: tf.Tensor4D,
  length: number,
  dispatch: typeof run = run,
): DeltaStatesF16 {
  const [batch, heads, keyDim, valueDim] = start.shape;
  const chunks = Math.ceil(length / CHUNK);
  const rows = batch * heads * chunks;
  const [states, corrections, final] = dispatch({
    program: programOf({ keyDim, valueDim, decays: fromStart !== null }),
    inputs: [w, keys, u, start, ...(fromStart === null ? [] : [fromStart])],
    outputs: [
      { shape: [(rows * keyDim * valueDim) / 2] },
      { shape: [(rows * CHUNK * valueDim) / 2] },
      { shape: start.shape },
    ],
    uniforms: [length, chunks],
    workgroups: [Math.ceil(valueDim / tileWidth(keyDim)), batch * heads],
  });
  return { states, corrections, final: final as tf.Tensor4D };
}

export function samples(): Program[] {
  return [
    programOf({ keyDim: 128, valueDim: 128, decays: false }),
    programOf({ keyDim: 128, valueDim: 256, decays: true }),
    programOf({ keyDim: 256, valueDim: 512, decays: true }),
    programOf({ keyDim: 48, valueDim: 80, decays: true }),
  ];
}
