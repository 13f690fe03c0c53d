// The corrections of a chunk by the delta rule (delta-systems.ts), forward, on tensor cores: with T = (I + L)^-1 diag(beta) of
// delta-inverses.ts, W = T exp(G) K and U = T V; beside them the keys with the decays to the chunk's end. f16 operands, f32 sums.
// One workgroup a chunk, row and 64 columns of [K V], a subgroup for 32 x 32 of them; the 64 tokens in slices of 32. The sums
// leave by way of workgroup memory, as f16. 9 KiB of it: five workgroups at once.
// Bytes: k, v and T (once for every 64 columns, mostly from the cache) in, W, U and the keys out. FLOPs: 128 (Dk + Dv) a token.
// Bound by memory.
import type * as tf from '#tfjs';
import { CHUNK } from './chunk-tiles.js';
import {
  bindingOf,
  DECLARE_SUMS,
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
import { deltaInverses } from './delta-inverses.js';
import { paddedKeyDim, type DeltaSystemsInputs } from './delta-systems.js';
import { run, type Program } from './runner.js';

export { paddedKeyDim };

const SLICE = 32;
const THREADS = 128;
/** T comes column by column. */
const LEFT: Tile = { at: 0, stride: strideOf(CHUNK), rows: 'steps' };
const RIGHT: Tile = { at: SLICE * strideOf(CHUNK), stride: strideOf(CHUNK), rows: 'steps' };
/** Of the sums in workgroup memory, 16 columns of each subgroup at once. */
const SUM_STRIDE = 9;

interface Spec {
  /** Multiples of 16. */
  readonly keyDim: number;
  readonly valueDim: number;
  readonly decays: boolean;
  readonly held: Held;
}

function programOf(spec: Spec, part: 'keys' | 'values'): Program {
  const { keyDim, valueDim, decays, held } = spec;
  return part === 'keys'
    ? { key: `delta-systems-f16/keys/${keyDim}/${decays ? 'decays' : 'stays'}/${held}`, wgsl: () => source(spec, part) }
    : { key: `delta-systems-f16/values/${valueDim}/${held}`, wgsl: () => source(spec, part) };
}

/** W and the keys, or U. */
function source({ keyDim, valueDim, decays: anyDecays, held }: Spec, part: 'keys' | 'values'): string {
  const ofKeys = part === 'keys';
  const decays = anyDecays && ofKeys;
  const dim = ofKeys ? keyDim : valueDim;
  const outDim = ofKeys ? paddedKeyDim(keyDim) : valueDim;
  const edges = dim % CHUNK !== 0;
  const inputs = [
    'inverses: array<vec4u>',
    `x: ${bindingOf(held)}`,
    ...(decays ? ['fromStart: array<f32>', 'toEnd: array<f32>'] : []),
  ];
  const outputs = ['solution: array<vec4u>', ...(ofKeys ? ['keys: array<vec4u>'] : [])];
  const eachVector = (text: (move: { n: number; row: string; eighth: string }) => string) =>
    eachMove(SLICE, CHUNK / 8, THREADS, text);
  const eighthOf = (eighth: string) => `firstColumn / 8u + ${eighth}`;
  const fetch = (s: number) =>
    eachVector(
      ({ n, row, eighth }) => `let l${s}_${n} = inverses[(outRow + ${SLICE * s}u + ${row}) * ${CHUNK / 8}u + ${eighth}];
  let token${s}_${n} = firstToken + min(${SLICE * s}u + ${row}, last);
  let r${s}_${n} = xAt(sharedRow + token${s}_${n}, ${edges ? `min(${eighthOf(eighth)}, ${dim / 8 - 1}u)` : eighthOf(eighth)});
  ${decays ? `let start${s}_${n} = fromStart[valueRow + token${s}_${n}]; let end${s}_${n} = toEnd[valueRow + token${s}_${n}];` : ''}`,
    );
  const put = (s: number) =>
    eachVector(({ n, row, eighth }) => {
      const x = `r${s}_${n}`;
      const at = (tile: Tile) => `memory[${tile.at}u + ${row} * ${tile.stride}u + ${eighth}]`;
      const inside = `${eighthOf(eighth)} < ${dim / 8}u`;
      const right = decays ? `packed(scaled(${numbers(held, x)}, start${s}_${n}))` : halves(held, x);
      const atEnd = decays ? `packed(scaled(${numbers(held, x)}, end${s}_${n}))` : halves(held, x);
      return `${at(LEFT)} = l${s}_${n};
  ${at(RIGHT)} = ${edges ? `select(vec4u(), ${right}, ${inside})` : right};
  ${ofKeys ? `keys[placeOf(chunkRow, ${SLICE * s}u + ${row}, ${eighthOf(eighth)})] = select(vec4u(), ${atEnd}, ${SLICE * s}u + ${row} <= last${edges ? ` && ${inside}` : ''});` : ''}`;
    });
  const leave = (j: number) => `workgroupBarrier();
  ${range(2)
    .map(
      (i) =>
        `subgroupMatrixStore<row_major>(&memory, (down + ${16 * i}u) * ${SUM_STRIDE}u + along / 8u, sum${i}${j}, ${SUM_STRIDE}u);`,
    )
    .join('\n')}
  workgroupBarrier();
  ${lines((CHUNK * 4) / THREADS, (n) => {
    const i = `(local + ${n * THREADS}u)`;
    const [row, eighth] = [`${i} / 4u`, `${i} % 4u`];
    const column = `firstColumn + ${eighth} / 2u * 32u + ${16 * j}u + ${eighth} % 2u * 8u`;
    const write = `solution[${ofKeys ? `placeOf(chunkRow, ${row}, (${column}) / 8u)` : `(outRow + ${row}) * ${outDim / 8}u + (${column}) / 8u`}] = packed(Eight(bitcast<vec4f>(memory[at]), bitcast<vec4f>(memory[at + 1u])));`;
    return `{ let at = ${row} * ${SUM_STRIDE}u + 2u * (${eighth});
    ${outDim % CHUNK === 0 ? write : `if (${column} < ${outDim}u) { ${write} }`} }`;
  })}`;
  return /* wgsl */ `${MATRIX_HEADER}
struct Sizes { length: u32, chunks: u32, sharing: u32 }
${inputs.map((input, i) => `@group(0) @binding(${i}) var<storage, read> ${input};`).join('\n')}
${outputs.map((output, i) => `@group(0) @binding(${inputs.length + i}) var<storage, read_write> ${output};`).join('\n')}
@group(0) @binding(${inputs.length + outputs.length}) var<uniform> sizes: Sizes;
var<workgroup> memory: array<vec4u, ${RIGHT.at + SLICE * RIGHT.stride}>;
${readEight('xAt', 'x', held, dim)}
${ofKeys ? BLOCKS.replaceAll('ACROSS', `${outDim / 16}u`) : ''}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let firstColumn = group.x * ${CHUNK}u;
  let chunk = group.y;
  let row = group.z;
  let firstToken = chunk * ${CHUNK}u;
  let last = min(sizes.length - firstToken, ${CHUNK}u) - 1u;
  let valueRow = row * sizes.length;
  let sharedRow = ${ofKeys ? 'row / sizes.sharing * sizes.length' : 'valueRow'};
  let chunkRow = row * sizes.chunks + chunk;
  let outRow = chunkRow * ${CHUNK}u;
  let down = 32u * (local / 64u);
  let along = 32u * (local / 32u % 2u);
  ${DECLARE_SUMS}
  ${fetch(0)}
  ${put(0)}
  workgroupBarrier();
  ${fetch(1)}
  ${multiplyTiles(LEFT, RIGHT, SLICE)}
  workgroupBarrier();
  ${put(1)}
  workgroupBarrier();
  ${multiplyTiles(LEFT, RIGHT, SLICE)}
  ${leave(0)}
  ${leave(1)}
}
`;
}

/** Where eight neighbours of W or the keys are: matrices of 16 x 16 lie in one piece, as the states' kernel loads them. */
const BLOCKS = /* wgsl */ `
fn placeOf(chunkRow: u32, token: u32, eighth: u32) -> u32 {
  return ((chunkRow * ${CHUNK / 16}u + token / 16u) * ACROSS + eighth / 2u) * 32u + token % 16u * 2u + eighth % 2u;
}`;

/** Operands in f16 for kernels only; zeros behind the last token. */
export interface DeltaSystemsF16 {
  /** [B Nv, chunks, 4, padded Dk / 16, 16, 16] */
  readonly w: tf.Tensor;
  /** exp(G[C] - G) K, of w's shape. */
  readonly keys: tf.Tensor;
  /** [B Nv, chunks, 64, Dv] */
  readonly u: tf.Tensor;
}

/** `decays`: of `chunkDecays`, null where nothing decays. */
export function deltaSystemsF16(
  inputs: DeltaSystemsInputs,
  decays: { readonly fromStart: tf.Tensor; readonly toEnd: tf.Tensor } | null,
  dispatch: typeof run = run,
): DeltaSystemsF16 {
  const { k, v } = inputs;
  const [batch, heads, length, valueDim] = v.shape;
  const keyDim = k.shape[3];
  const chunks = Math.ceil(length / CHUNK);
  const tokens = batch * heads * chunks * CHUNK;
  const padded = paddedKeyDim(keyDim);
  const spec = { keyDim, valueDim, decays: decays !== null };
  const [ofKeys, ofValues] = [operandsOf(k), operandsOf(v)];
  const inverses = deltaInverses(inputs, dispatch);
  const uniforms = [length, chunks, heads / k.shape[1]];
  const keyShape = [(tokens * padded) / 2];
  const [w, keys] = dispatch({
    program: programOf({ ...spec, held: ofKeys.held }, 'keys'),
    inputs: [inverses, ...ofKeys.buffers, ...(decays === null ? [] : [decays.fromStart, decays.toEnd])],
    outputs: [{ shape: keyShape }, { shape: keyShape }],
    uniforms,
    workgroups: [padded / CHUNK, chunks, batch * heads],
  });
  const [u] = dispatch({
    program: programOf({ ...spec, held: ofValues.held }, 'values'),
    inputs: [inverses, ...ofValues.buffers],
    outputs: [{ shape: [(tokens * valueDim) / 2] }],
    uniforms,
    workgroups: [Math.ceil(valueDim / CHUNK), chunks, batch * heads],
  });
  return { w, keys, u };
}

export function samples(): Program[] {
  const shapes: Spec[] = [
    { keyDim: 128, valueDim: 256, decays: true, held: 'f32' },
    { keyDim: 128, valueDim: 128, decays: false, held: 'f32' },
    { keyDim: 128, valueDim: 256, decays: true, held: 'f16' },
    { keyDim: 48, valueDim: 80, decays: true, held: 'f32' },
  ];
  return shapes.flatMap((spec) => [programOf(spec, 'keys'), programOf(spec, 'values')]);
}
