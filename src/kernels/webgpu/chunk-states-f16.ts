// The states between chunks of linear attention (chunk-states.ts), forward, on tensor cores: f16 operands, f32 sums, and S before each
// chunk as f16 for the outputs.
// One workgroup a row and 64 x 64 piece of S, 32 x 32 of it in the sums of each of four subgroups, from chunk to chunk. Once a chunk
// the sums go through workgroup memory, where their elements are seen: rounded they go to memory, and where each key channel decays
// by itself they come back decayed. The next slice of k and v is on its way while one is multiplied.
// Bytes: k once for every 64 of Dv and v once for every 64 of Dk (mostly from the cache), a state a chunk out. FLOPs: 2 Dk Dv a token.
// Bound by memory, and by the latency of a chunk's steps where rows are few.
import type * as tf from '#tfjs';
import { CHUNK } from './chunk-tiles.js';
import {
  bindingOf,
  DECLARE_SUMS,
  eachMatrix,
  eachMove,
  halves,
  lines,
  MATRIX_HEADER,
  multiplyTiles,
  numbers,
  operandsOf,
  range,
  readEight,
  strideOf,
  type Tile,
} from './chunk-tensor-cores.js';
import type { Held } from './held.js';
import { run, type Program } from './runner.js';

const THREADS = 128;
/** Tokens that are staged at once; 64 would take twice the memory and half the barriers, and are slower. */
const SLICE = 32;
const STRIDE = strideOf(CHUNK);
/** Of the sums in workgroup memory, 16 columns of each subgroup at once. */
const SUM_STRIDE = 9;

interface Spec {
  /** Multiples of 16. */
  readonly keyDim: number;
  readonly valueDim: number;
  /** A decay a token, or one a channel of the keys. */
  readonly decay: 'token' | 'keys';
  readonly held: Held;
}

function programOf(spec: Spec): Program {
  const { keyDim, valueDim, decay, held } = spec;
  return {
    key: `chunk-states-f16/${keyDim}/${valueDim}/${decay}/${held}`,
    wgsl: () => source(spec),
  };
}

function source({ keyDim, valueDim, decay, held }: Spec): string {
  const keys: Tile = { at: 0, stride: STRIDE, rows: 'steps' };
  const values: Tile = { at: SLICE * STRIDE, stride: STRIDE, rows: 'steps' };
  const [keyEdges, valueEdges] = [keyDim % CHUNK !== 0, valueDim % CHUNK !== 0];
  const keyEighth = (eighth: string) =>
    keyEdges ? `min(firstKey / 8u + ${eighth}, ${keyDim / 8 - 1}u)` : `firstKey / 8u + ${eighth}`;
  const valueEighth = (eighth: string) =>
    valueEdges ? `min(firstValue / 8u + ${eighth}, ${valueDim / 8 - 1}u)` : `firstValue / 8u + ${eighth}`;
  const inside = [
    ...(keyEdges ? [`firstKey + ROW < ${keyDim}u`] : []),
    ...(valueEdges ? [`firstValue + COLUMN < ${valueDim}u`] : []),
  ];
  const ifInside = (row: string, column: string, statement: string) =>
    inside.length === 0
      ? statement
      : `if (${inside.join(' && ').replace('ROW', row).replace('COLUMN', column)}) { ${statement} }`;
  const eachVector = (text: (move: { n: number; row: string; eighth: string }) => string) =>
    eachMove(SLICE, CHUNK / 8, THREADS, text);
  const DECAYED = decay === 'keys';

  const declare = eachVector(
    ({ n }) => `var k${n}: ${held === 'f32' ? 'Eight' : 'vec4u'}; var v${n}: ${held === 'f32' ? 'Eight' : 'vec4u'};
  var f${n}: ${DECAYED ? 'Eight' : 'f32'};`,
  );
  /** Behind the last token it is read again, and counts as zero below. */
  const fetch = (token: string) =>
    eachVector(
      ({ n, row, eighth }) => `{ let token = min(${token} + ${row}, sizes.length - 1u);
      k${n} = keyAt(keyToken + token, ${keyEighth(eighth)});
      v${n} = valueAt(valueToken + token, ${valueEighth(eighth)});
      f${n} = ${DECAYED ? `factorAt(valueToken + token, ${keyEighth(eighth)})` : 'factor[valueToken + token]'}; }`,
    );
  const put = (token: string) =>
    eachVector(({ n, row, eighth }) => {
      const at = (tile: Tile) => `memory[${tile.at}u + ${row} * ${STRIDE}u + ${eighth}]`;
      const there = `${token} + ${row} < sizes.length`;
      return DECAYED
        ? `${at(keys)} = select(vec4u(), packed(product(${numbers(held, `k${n}`)}, f${n})), ${there});
    ${at(values)} = ${halves(held, `v${n}`)};`
        : `${at(keys)} = ${halves(held, `k${n}`)};
    ${at(values)} = packed(scaled(${numbers(held, `v${n}`)}, select(0.0, f${n}, ${there})));`;
    });

  const sumAt = (i: number) => `(down + ${16 * i}u) * ${SUM_STRIDE}u + along / 8u`;
  /** An invocation's vectors of S as halves, of a row and eight columns: 16 columns in turn of each half of the piece. */
  const through = (j: number) => {
    const eachHalf = (text: (move: { n: number; row: string; eighth: string }) => string) =>
      lines((CHUNK * 4) / THREADS, (n) => {
        const i = `(local + ${n * THREADS}u)`;
        return text({ n, row: `(${i} / 4u)`, eighth: `(${i} % 4u)` });
      });
    return `${lines(2, (i) => `subgroupMatrixStore<row_major>(&memory, ${sumAt(i)}, sum${i}${j}, ${SUM_STRIDE}u);`)}
    workgroupBarrier();
    ${eachHalf(({ n, row, eighth }) => {
      const column = `(${eighth} / 2u * 32u + ${16 * j}u + ${eighth} % 2u * 8u)`;
      const at = `${row} * ${SUM_STRIDE}u + 2u * ${eighth}`;
      return `{
      let state = Eight(bitcast<vec4f>(memory[${at}]), bitcast<vec4f>(memory[${at} + 1u]));
      ${ifInside(row, column, `states[(out + ${row}) * ${valueDim / 8}u + (firstValue + ${column}) / 8u] = packed(state);`)}
      ${
        DECAYED
          ? `let decayed = scaled(state, decay${j}_${n});
      memory[${at}] = bitcast<vec4u>(decayed.a);
      memory[${at} + 1u] = bitcast<vec4u>(decayed.b);`
          : ''
      }
    }`;
    })}
    workgroupBarrier();
    ${
      DECAYED
        ? `${lines(2, (i) => `sum${i}${j} = subgroupMatrixLoad<Sum, row_major>(&memory, ${sumAt(i)}, ${SUM_STRIDE}u);`)}
    workgroupBarrier();`
        : ''
    }`;
  };
  const wholeDecays = [0, 1]
    .map((j) =>
      lines((CHUNK * 4) / THREADS, (n) => {
        const row = `(local + ${n * THREADS}u) / 4u`;
        const channel = keyEdges ? `min(firstKey + ${row}, ${keyDim - 1}u)` : `firstKey + ${row}`;
        return `let decay${j}_${n} = whole[end * ${keyDim}u + ${channel}];`;
      }),
    )
    .join('\n');

  const placeOf = (i: number, j: number) =>
    `(row * ${keyDim}u + firstKey + down + ${16 * i}u) * ${valueDim}u + firstValue + along + ${16 * j}u`;
  const eachInside = (statement: (i: number, j: number) => string) =>
    eachMatrix((i, j) => ifInside(`down + ${16 * i}u`, `along + ${16 * j}u`, statement(i, j)));
  return /* wgsl */ `${MATRIX_HEADER}
struct Sizes { length: u32, chunks: u32, sharing: u32 }
@group(0) @binding(0) var<storage, read> k: ${bindingOf(held)};
@group(0) @binding(1) var<storage, read> v: ${bindingOf(held)};
@group(0) @binding(2) var<storage, read> factor: array<${DECAYED ? 'vec4f' : 'f32'}>;
@group(0) @binding(3) var<storage, read> whole: array<f32>;
@group(0) @binding(4) var<storage, read> start: array<f32>;
@group(0) @binding(5) var<storage, read_write> states: array<vec4u>;
@group(0) @binding(6) var<storage, read_write> last: array<f32>;
@group(0) @binding(7) var<uniform> sizes: Sizes;
var<workgroup> memory: array<vec4u, ${2 * SLICE * STRIDE}>;
${readEight('keyAt', 'k', held, keyDim)}
${readEight('valueAt', 'v', held, valueDim)}
${DECAYED ? readEight('factorAt', 'factor', 'f32', keyDim) : ''}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let firstValue = group.x * ${CHUNK}u;
  let firstKey = group.y * ${CHUNK}u;
  let row = group.z;
  let keyToken = row / sizes.sharing * sizes.length;
  let valueToken = row * sizes.length;
  let down = 32u * (local / 64u);
  let along = 32u * (local / 32u % 2u);
  ${DECLARE_SUMS}
  ${eachInside((i, j) => `sum${i}${j} = subgroupMatrixLoad<Sum, row_major>(&start, ${placeOf(i, j)}, ${valueDim}u);`)}
  ${declare}
  ${fetch('0u')}
  for (var chunk = 0u; chunk < sizes.chunks; chunk++) {
    let first = chunk * ${CHUNK}u;
    let end = valueToken + min(first + ${CHUNK}u, sizes.length) - 1u;
    let out = (row * sizes.chunks + chunk) * ${keyDim}u + firstKey;
    ${DECAYED ? wholeDecays : 'let decay = whole[end];'}
    ${[0, 1].map(through).join('\n')}
    ${DECAYED ? '' : eachMatrix((i, j) => `sum${i}${j} = subgroupMatrixScalarMultiply(sum${i}${j}, decay);`)}
    ${range(CHUNK / SLICE)
      .map(
        (s) => `${put(`first + ${SLICE * s}u`)}
    workgroupBarrier();
    ${fetch(`first + ${SLICE * (s + 1)}u`)}
    ${multiplyTiles(keys, values, SLICE)}
    workgroupBarrier();`,
      )
      .join('\n')}
  }
  ${eachInside((i, j) => `subgroupMatrixStore<row_major>(&last, ${placeOf(i, j)}, sum${i}${j}, ${valueDim}u);`)}
}
`;
}

export interface ChunkStatesF16Inputs {
  /** [B, G, T, Dk] */
  readonly k: tf.Tensor4D;
  /** [B, N, T, Dv] */
  readonly v: tf.Tensor4D;
  /** toEnd and fromStart of `chunkDecays`: [B, N, T], or [B, N, T, Dk] where the decay is one of the keys'. */
  readonly toEnd: tf.Tensor;
  readonly fromStart: tf.Tensor;
  /** [B, N, Dk, Dv] */
  readonly start: tf.Tensor4D;
}

export interface ChunkStatesF16 {
  /** S before each chunk: [B, N, chunks, Dk, Dv] in f16, for kernels only. */
  readonly states: tf.Tensor;
  /** S after the last, [B, N, Dk, Dv] */
  readonly final: tf.Tensor4D;
}

export function chunkStatesF16(
  { k, v, toEnd, fromStart, start }: ChunkStatesF16Inputs,
  decay: Spec['decay'],
  dispatch: typeof run = run,
): ChunkStatesF16 {
  const [batch, heads, length, valueDim] = v.shape;
  const keyDim = k.shape[3];
  const chunks = Math.ceil(length / CHUNK);
  const { buffers, held } = operandsOf(k, v);
  const [states, final] = dispatch({
    program: programOf({ keyDim, valueDim, decay, held }),
    inputs: [...buffers, toEnd, fromStart, start],
    outputs: [{ shape: [(batch * heads * chunks * keyDim * valueDim) / 2] }, { shape: start.shape }],
    uniforms: [length, chunks, heads / k.shape[1]],
    workgroups: [Math.ceil(valueDim / CHUNK), Math.ceil(keyDim / CHUNK), batch * heads],
  });
  return { states, final: final as tf.Tensor4D };
}

export function samples(): Program[] {
  const retnet: Spec = { keyDim: 128, valueDim: 256, decay: 'token', held: 'f32' };
  return [
    retnet,
    { ...retnet, held: 'f16' as const },
    { ...retnet, keyDim: 48, valueDim: 80 },
    { ...retnet, decay: 'keys' as const },
    { ...retnet, decay: 'keys' as const, held: 'f16' as const },
    { ...retnet, decay: 'keys' as const, keyDim: 48, valueDim: 80 },
  ].map(programOf);
}
