// The states between chunks under the delta rule, and the corrections that they make of a chunk's values:
//   U' = U - W S;  S' = exp(G[C]) S + K~^T U',  K~ the keys with the decays to the chunk's end.
// One workgroup a row and tile of Dv, with all of Dk, since a correction needs every key channel; it goes from chunk to chunk.
// S is in registers, as 64 x 64 pieces; where it is an operand it is read back from the states just written.
// Bytes: w and K~ once for every tile of Dv (mostly from the cache), u in, U' and a state a chunk out. FLOPs: 4 Dk Dv a token.
// Bound by the latency of a chunk's four dependent steps.
import type * as tf from '#tfjs';
import { CHUNK, F32_TILES } from './chunk-tiles.js';
import { paddedKeyDim, type DeltaSystems } from './delta-systems.js';
import { run, type Program } from './runner.js';

interface Spec {
  readonly keyDim: number;
  readonly valueDim: number;
  readonly decays: boolean;
}

function programOf(spec: Spec): Program {
  const { keyDim, valueDim, decays } = spec;
  const inputs = [
    ...['w', 'keys', 'u'].map((name) => `${name}: array<vec4f>`),
    'start: array<vec4f>',
    ...(decays ? ['fromStart: array<f32>'] : []),
  ];
  const outputs = [`states: array<vec4f>`, `corrections: array<vec4f>`, 'last: array<vec4f>'];
  const buffers = [
    ...inputs.map((input) => `var<storage, read> ${input}`),
    ...outputs.map((output) => `var<storage, read_write> ${output}`),
    'var<uniform> sizes: Sizes',
  ];
  return {
    key: `delta-states/${keyDim}/${valueDim}/${decays ? 'decays' : 'stays'}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32 }
${buffers.map((buffer, i) => `@group(0) @binding(${i}) ${buffer};`).join('\n')}
${F32_TILES}

/** What the chunk leaves of S. */
fn remaining(row: u32, chunk: u32) -> f32 {
  return ${decays ? `fromStart[row * sizes.length + min((chunk + 1u) * ${CHUNK}u, sizes.length) - 1u]` : '1.0'};
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
${body(spec)}
}
`,
  };
}

const lines = (items: string[]) => items.join('\n');
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

function body({ keyDim, valueDim }: Spec): string {
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

export interface DeltaStates {
  /** S before each chunk: [B Nv, chunks, Dk, Dv]. */
  readonly states: tf.Tensor;
  /** U', [B, Nv, T, Dv] */
  readonly corrections: tf.Tensor4D;
  /** S after the last token, [B, Nv, Dk, Dv]. */
  readonly final: tf.Tensor4D;
}

/** `fromStart` [B, Nv, T] of `chunkDecays`, null where nothing decays; start [B, Nv, Dk, Dv]. */
export function deltaStates(
  { w, keys, u }: DeltaSystems,
  fromStart: tf.Tensor | null,
  start: tf.Tensor4D,
  length: number,
): DeltaStates {
  const [batch, heads, keyDim, valueDim] = start.shape;
  const chunks = Math.ceil(length / CHUNK);
  const spec: Spec = { keyDim, valueDim, decays: fromStart !== null };
  const rows = batch * heads * chunks;
  const [states, corrections, final] = run({
    program: programOf(spec),
    inputs: [w, keys, u, start, ...(fromStart === null ? [] : [fromStart])],
    outputs: [{ shape: [rows, keyDim, valueDim] }, { shape: [batch, heads, length, valueDim] }, { shape: start.shape }],
    uniforms: [length, chunks],
    workgroups: [Math.ceil(valueDim / CHUNK), batch * heads],
  });
  return { states, corrections: corrections as tf.Tensor4D, final: final as tf.Tensor4D };
}

export function samples(): Program[] {
  return [
    programOf({ keyDim: 128, valueDim: 128, decays: false }),
    programOf({ keyDim: 128, valueDim: 256, decays: true }),
    programOf({ keyDim: 256, valueDim: 512, decays: true }),
    programOf({ keyDim: 24, valueDim: 48, decays: true }),
  ];
}
