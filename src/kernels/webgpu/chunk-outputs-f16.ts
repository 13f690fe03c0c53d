// The forward outputs of linear attention's chunks, O = (Q f) S + (A D) V (chunk-outputs.ts), on tensor cores: f16 operands, f32 sums.
// One workgroup a chunk, row and 128 output channels (64 where there are no more), a subgroup for every 32 x 32 of them. The
// contraction, first over Dk and then over the chunk's tokens, goes in slices of 32; the next one is on its way while one is
// multiplied, and gets its decays as it is rounded into its tile. 14 KiB of workgroup memory: three workgroups at once.
// Bytes: q, S, A and v in (q and A once for every 128 channels), O out. FLOPs: 2 Dk Dv + 128 Dv a token. Bound by memory.
import type * as tf from '#tfjs';
import { CHUNK, DECAY_GATES, LOAD_GATES } from './chunk-tiles.js';
import {
  bindingOf,
  DECLARE_SUMS,
  eachMove,
  halves,
  MATRIX_HEADER,
  multiplyTiles,
  numbers,
  operandsOf,
  range,
  readEight,
  storePiece,
  strideOf,
  type Move,
  type Tile,
} from './chunk-tensor-cores.js';
import type { Held } from './held.js';
import { f32, run, type Program } from './runner.js';

const SLICE = 32;
const LEFT_STRIDE = strideOf(SLICE);

interface Spec {
  /** Multiples of 16. */
  readonly queryDim: number;
  readonly outputDim: number;
  /** What the queries are multiplied with: a factor a token, or a channel and token. */
  readonly factor: 'token' | 'channel' | null;
  /** D: a decay a token, or 1 where j <= i; or A holds it already. */
  readonly within: 'token' | 'causal' | 'scored';
  readonly queries: Held;
  /** Of the values; `chunks`: f16 of whole chunks, as the delta rule's states kernel leaves them. */
  readonly values: Held | 'chunks';
}

const widthOf = ({ outputDim }: Spec) => (outputDim > 64 ? 128 : 64);

function programOf(spec: Spec): Program {
  const { queryDim, outputDim, factor, within, queries, values } = spec;
  return {
    key: `chunk-outputs-f16/${queryDim}/${outputDim}/${factor}/${within}/${queries}/${values}`,
    wgsl: () => source(spec),
  };
}

function source(spec: Spec): string {
  const { queryDim, outputDim, factor, within, queries } = spec;
  const values = spec.values === 'chunks' ? 'f16' : spec.values;
  const width = widthOf(spec);
  const threads = 2 * width;
  const rightStride = strideOf(width);
  const left: Tile = { at: 0, stride: LEFT_STRIDE, rows: 'outer' };
  const right: Tile = { at: CHUNK * LEFT_STRIDE, stride: rightStride, rows: 'steps' };
  const edges = outputDim % width !== 0;
  const inputs = [
    `q: ${bindingOf(queries)}`,
    'states: array<vec4u>',
    'scores: array<vec4f>',
    `v: ${bindingOf(values)}`,
    ...(factor === null ? [] : [`factor: array<${factor === 'token' ? 'f32' : 'vec4f'}>`]),
    ...(within === 'token' ? ['g: array<f32>'] : []),
  ];

  const eachLeft = (text: (move: Move) => string) => eachMove(CHUNK, SLICE / 8, threads, text);
  const eachRight = (text: (move: Move) => string) => eachMove(SLICE, width / 8, threads, text);
  const putLeft = ({ row, eighth }: Move, value: string) => `memory[${row} * ${LEFT_STRIDE}u + ${eighth}] = ${value};`;
  const putRight = (slice: string) =>
    eachRight(
      ({ n, row, eighth }) =>
        `memory[${right.at}u + ${row} * ${rightStride}u + ${eighth}] = ${slice.startsWith('c') ? `r${slice}_${n}` : halves(values, `r${slice}_${n}`)};`,
    );
  /** Of the output's channels; beyond the last ones those are read again. */
  const outputEighth = (eighth: string) =>
    edges ? `min(outColumn / 8u + ${eighth}, ${outputDim / 8 - 1}u)` : `outColumn / 8u + ${eighth}`;

  /** Over Dk: what is left of it in its last slice. */
  const channels = (c: number) => Math.min(SLICE, queryDim - c * SLICE);
  const querySlices = range(Math.ceil(queryDim / SLICE)).map((c) => {
    const within = (x: string, most: number) => (channels(c) === SLICE ? x : `min(${x}, ${most - 1}u)`);
    return {
      steps: channels(c),
      fetch: `${eachLeft(
        ({ n, row, eighth }) => `let token${c}_${n} = min(${row}, last);
    let lc${c}_${n} = queryAt(queryToken + token${c}_${n}, ${within(`${4 * c}u + ${eighth}`, queryDim / 8)});
    ${factor === 'channel' ? `let fc${c}_${n} = factorAt(outToken + token${c}_${n}, ${within(`${4 * c}u + ${eighth}`, queryDim / 8)});` : ''}
    ${factor === 'token' ? `let fc${c}_${n} = factor[outToken + token${c}_${n}];` : ''}`,
      )}
    ${eachRight(
      ({ n, row, eighth }) =>
        `let rc${c}_${n} = stateAt(stateRow + ${within(`${SLICE * c}u + ${row}`, queryDim)}, ${outputEighth(eighth)});`,
    )}`,
      put: `${eachLeft((move) => {
        const [x, f] = [`lc${c}_${move.n}`, `fc${c}_${move.n}`];
        return putLeft(
          move,
          {
            none: halves(queries, x),
            token: `packed(scaled(${numbers(queries, x)}, ${f}))`,
            channel: `packed(product(${numbers(queries, x)}, ${f}))`,
          }[factor ?? 'none'],
        );
      })}
    ${putRight(`c${c}`)}`,
    };
  });

  const tokenSlices = range(CHUNK / SLICE).map((t) => ({
    steps: SLICE,
    fetch: `${eachLeft(({ n, row, eighth }) => `let lt${t}_${n} = scoreAt(scoreRow + ${row}, ${4 * t}u + ${eighth});`)}
    ${eachRight(
      ({ n, row, eighth }) =>
        `let rt${t}_${n} = valueAt(valueToken + min(${SLICE * t}u + ${row}, ${spec.values === 'chunks' ? `${CHUNK - 1}u` : 'last'}), ${outputEighth(eighth)});`,
    )}`,
    put: `${eachLeft((move) => {
      const decay = `decayOf(${move.row}, ${4 * t}u + ${move.eighth})`;
      return putLeft(
        move,
        within === 'scored' ? `packed(lt${t}_${move.n})` : `packed(product(lt${t}_${move.n}, ${decay}))`,
      );
    })}
    ${putRight(`t${t}`)}`,
  }));

  const slices = [...querySlices, ...tokenSlices];
  return /* wgsl */ `${MATRIX_HEADER}
struct Sizes { length: u32, chunks: u32, querySharing: u32, scoreSharing: u32, valueSharing: u32, scale: f32 }
${inputs.map((input, i) => `@group(0) @binding(${i}) var<storage, read> ${input};`).join('\n')}
@group(0) @binding(${inputs.length}) var<storage, read_write> o: array<f32>;
@group(0) @binding(${inputs.length + 1}) var<uniform> sizes: Sizes;
var<workgroup> memory: array<vec4u, ${right.at + SLICE * rightStride}>;
${{ token: `${DECAY_GATES}${TOKEN_DECAY}`, causal: CAUSAL, scored: '' }[within]}
${readEight('queryAt', 'q', queries, queryDim)}
${readEight('stateAt', 'states', 'f16', outputDim)}
${readEight('scoreAt', 'scores', 'f32', CHUNK)}
${readEight('valueAt', 'v', values, outputDim)}
${factor === 'channel' ? readEight('factorAt', 'factor', 'f32', queryDim) : ''}

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.y;
  let row = group.z;
  let first = chunk * ${CHUNK}u;
  let inside = sizes.length - first;
  let last = min(inside, ${CHUNK}u) - 1u;
  let outColumn = group.x * ${width}u;
  let outToken = row * sizes.length + first;
  let outRow = outToken;
  let chunkRow = row * sizes.chunks + chunk;
  let queryToken = row / sizes.querySharing * sizes.length + first;
  let scoreRow = (row / sizes.scoreSharing * sizes.chunks + chunk) * ${CHUNK}u;
  let stateRow = chunkRow * ${queryDim}u;
  let valueToken = ${spec.values === 'chunks' ? `chunkRow * ${CHUNK}u` : 'row / sizes.valueSharing * sizes.length + first'};
  let down = 32u * (local / ${width}u);
  let along = 32u * (local / 32u % ${width / 32}u);
  ${DECLARE_SUMS}
  ${within === 'token' ? LOAD_GATES : ''}
  ${slices[0]!.fetch}
  ${slices
    .map(
      ({ put, steps }, s) => `workgroupBarrier();
  ${put}
  workgroupBarrier();
  ${slices[s + 1]?.fetch ?? ''}
  ${multiplyTiles(left, right, steps)}`,
    )
    .join('\n')}
  ${['00', '01', '10', '11'].map((m) => `sum${m} = subgroupMatrixScalarMultiply(sum${m}, sizes.scale);`).join('\n')}
  ${storePiece('o', outputDim, edges)}
}
`;
}

/** exp of the sum of g over (j, i], for eight tokens j; sums of g itself, as in `decayTile`. */
const TOKEN_DECAY = /* wgsl */ `
fn decayOf(i: u32, eighth: u32) -> Eight {
  let fourth = i / 4u;
  if (2u * eighth > fourth) {
    return Eight();
  }
  let mine = gates[fourth];
  // With i % 4 + 1 of its own four.
  let upTo = dot(mine, select(vec4f(), vec4f(1), vec4u(0, 1, 2, 3) <= vec4u(i % 4u)));
  var between = upTo;
  for (var f = 2u * eighth + 2u; f < fourth; f++) { between += gateSums[f]; }
  let own = ownDecays(mine, i % 4u);
  if (2u * eighth == fourth) {
    return Eight(own, vec4f());
  }
  if (2u * eighth + 1u == fourth) {
    return Eight(behind(gates[2u * eighth], upTo), own);
  }
  return Eight(behind(gates[2u * eighth], between + gateSums[2u * eighth + 1u]), behind(gates[2u * eighth + 1u], between));
}

/** For each of a four's tokens: what is left of its four, and \`rest\`. */
fn behind(h: vec4f, rest: f32) -> vec4f {
  return exp(vec4f(h.y + h.z + h.w, h.z + h.w, h.w, 0.0) + rest);
}

/** For each of the tokens of i's own four, of which i is number m. */
fn ownDecays(g: vec4f, m: u32) -> vec4f {
  switch m {
    case 0u: { return vec4f(1, 0, 0, 0); }
    case 1u: { return vec4f(exp(g.y), 1, 0, 0); }
    case 2u: { return vec4f(exp(g.y + g.z), exp(g.z), 1, 0); }
    default: { return vec4f(exp(g.y + g.z + g.w), exp(g.z + g.w), exp(g.w), 1); }
  }
}
`;

const CAUSAL = /* wgsl */ `
fn decayOf(i: u32, eighth: u32) -> Eight {
  let j = 8u * eighth;
  return Eight(
    select(vec4f(), vec4f(1), vec4u(j) + vec4u(0, 1, 2, 3) <= vec4u(i)),
    select(vec4f(), vec4f(1), vec4u(j) + vec4u(4, 5, 6, 7) <= vec4u(i)),
  );
}
`;

export interface ChunkOutputsF16Inputs {
  /** [B, G, T, Dk], G dividing N */
  readonly q: tf.Tensor4D;
  /** [B, N, T] or [B, N, T, Dk] */
  readonly factor: tf.Tensor | null;
  /** f16, [B, N, chunks, Dk, Dv] */
  readonly states: tf.Tensor;
  /** [B, G', chunks, 64, 64] */
  readonly scores: tf.Tensor;
  /** [B, G'', T, Dv], or f16 of whole chunks, [B, N, chunks, 64, Dv]. */
  readonly v: tf.Tensor4D | { readonly operands: tf.Tensor };
  /** g, [B, N, T], where D has decays. */
  readonly logDecay: tf.Tensor | null;
}

export interface ChunkOutputsF16Form {
  readonly within: Spec['within'];
  /** N */
  readonly heads: number;
  readonly outputDim: number;
  /** Of the outputs; 1 where it is not given. */
  readonly scale?: number;
}

/** -> [B, N, T, Dv] */
export function chunkOutputsF16(
  { q, factor, states, scores, v, logDecay }: ChunkOutputsF16Inputs,
  { within, heads, outputDim, scale = 1 }: ChunkOutputsF16Form,
  dispatch: typeof run = run,
): tf.Tensor4D {
  const [batch, queryHeads, length, queryDim] = q.shape;
  const chunks = Math.ceil(length / CHUNK);
  const own = 'operands' in v;
  const queries = operandsOf(q);
  const values = own ? null : operandsOf(v);
  const spec: Spec = {
    ...{ queryDim, outputDim, within, queries: queries.held, values: own ? 'chunks' : values!.held },
    factor: factor === null ? null : factor.rank === 3 ? 'token' : 'channel',
  };
  const [o] = dispatch({
    program: programOf(spec),
    inputs: [...queries.buffers, states, scores, own ? v.operands : values!.buffers[0]!, factor, logDecay].filter(
      (x) => x !== null,
    ),
    outputs: [{ shape: [batch, heads, length, outputDim] }],
    uniforms: [
      ...[length, chunks, heads / queryHeads, heads / scores.shape[1]!, own ? 1 : heads / v.shape[1]],
      f32(scale),
    ],
    workgroups: [Math.ceil(outputDim / widthOf(spec)), chunks, batch * heads],
  });
  return o as tf.Tensor4D;
}

export function samples(): Program[] {
  const forward: Spec = {
    ...{ queryDim: 128, outputDim: 256, factor: 'token', within: 'token', queries: 'f32', values: 'f32' },
  };
  return [
    forward,
    { ...forward, outputDim: 64 },
    { ...forward, queries: 'f16' as const, values: 'f16' as const },
    { ...forward, queryDim: 48, outputDim: 80 },
    { ...forward, factor: 'channel' as const, within: 'scored' as const },
    { ...forward, factor: 'channel' as const, within: 'scored' as const, queries: 'f16' as const },
    { ...forward, values: 'chunks' as const },
    { ...forward, factor: null, within: 'causal' as const, outputDim: 128, values: 'chunks' as const },
  ].map(programOf);
}
