// The gradients of the states between chunks under the delta rule, and those of the corrections, from the last chunk to the first:
//   dU' = A^T P + K~ dS';  dS = exp(G[C]) dS' + (exp(G) Q)^T P - W^T dU',
// with A the decayed scores, K~ the keys with the decays to the chunk's end, and P = Dk^-1/2 dO. A^T P is in the buffer of dU'
// already, and K~ dS' is added to it.
// One workgroup a row and 64 columns of Dv, with all of Dk; dS is in registers, as 64 x 64 pieces, and where it is an operand it is
// read back from the states just written (as in delta-states.ts). Always in f32.
// Bytes: W, K~ and q once for every 64 columns of Dv (mostly from the cache), dO in, dU' in and out, a state a chunk out. FLOPs:
// 6 Dk Dv a token. Bound by the latency of a chunk's dependent steps.
import type * as tf from '#tfjs';
import { CHUNK, F32_TILES, readRow } from './chunk-tiles.js';
import { paddedKeyDim, type DeltaSystems } from './delta-systems.js';
import { f32, run, type Program } from './runner.js';
import { unrolled } from './vectors.js';

interface Spec {
  readonly keyDim: number;
  readonly valueDim: number;
  readonly decays: boolean;
}

function programOf({ keyDim, valueDim, decays }: Spec): Program {
  const [padded, fourths] = [paddedKeyDim(keyDim), valueDim / 4];
  const inputs = ['w', 'keys', 'q', 'dO', 'dLast'].map((name) => `${name}: array<vec4f>`);
  const outputs = ['dStates', 'dStart', 'dCorrections'].map((name) => `${name}: array<vec4f>`);
  const buffers = [
    ...[...inputs, ...(decays ? ['fromStart: array<f32>'] : [])].map((input) => `var<storage, read> ${input}`),
    ...outputs.map((output) => `var<storage, read_write> ${output}`),
    'var<uniform> sizes: Sizes',
  ];
  const pieces = padded / CHUNK;
  const eachPiece = (statement: (piece: number) => string) => unrolled(pieces, statement);
  /** Each row of each piece that is inside S: its statement. */
  const eachRow = (statement: (piece: number, m: number, at: string) => string, base: string) =>
    eachPiece((piece) =>
      unrolled(4, (m) => {
        const channel = `${CHUNK * piece + m}u + 4u * y`;
        return `if (inside && ${channel} < ${keyDim}u) { ${statement(piece, m, `(${base} + ${channel}) * ${fourths}u + fourth`)} }`;
      }),
    );
  return {
    key: `delta-state-gradients/${keyDim}/${valueDim}/${decays ? 'decays' : 'stays'}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32, sharing: u32, scale: f32 }
${buffers.map((buffer, i) => `@group(0) @binding(${i}) ${buffer};`).join('\n')}
${F32_TILES}
${readRow('queryAt', 'q', keyDim)}
${readRow('dOutputAt', 'dO', valueDim)}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let x = local & 15u;
  let y = local >> 4u;
  let fourth = group.x * ${CHUNK / 4}u + x;
  let inside = fourth < ${fourths}u;
  ${eachPiece((piece) => `var state${piece} = mat4x4f();`)}
  ${eachRow((piece, m, at) => `state${piece}[${m}] = dLast[${at}];`, `row * ${keyDim}u`)}
  for (var n = sizes.chunks; n > 0u; n--) {
    let chunk = n - 1u;
    let first = chunk * ${CHUNK}u;
    let token = (row * sizes.chunks + chunk) * ${CHUNK}u;
    let stateRow = (row * sizes.chunks + chunk) * ${keyDim}u;
    ${eachRow((piece, m, at) => `dStates[${at}] = state${piece}[${m}];`, 'stateRow')}
    storageBarrier();
    var correction = mat4x4f();
    for (var c = 0u; c < ${keyDim}u; c += 16u) {
      if (local < 64u) {
        let tokens = local >> 2u;
        let at = (token + 4u * tokens) * ${padded / 4}u + c / 4u + (local & 3u);
        let block = transpose(mat4x4f(${[0, 1, 2, 3].map((m) => `keys[at + ${(m * padded) / 4}u]`).join(', ')}));
        ${unrolled(4, (m) => `left[(4u * (local & 3u) + ${m}u) * 16u + tokens] = block[${m}];`)}
      }
      right[local] = vec4f();
      if (inside && c + y < ${keyDim}u) { right[local] = dStates[(stateRow + c + y) * ${fourths}u + fourth]; }
      workgroupBarrier();
      correction = product(y, x, correction);
      workgroupBarrier();
    }
    ${unrolled(
      4,
      (m) => `if (inside && first + 4u * y + ${m}u < sizes.length) {
      let at = (row * sizes.length + first + 4u * y + ${m}u) * ${fourths}u + fourth;
      correction[${m}] += dCorrections[at];
      dCorrections[at] = correction[${m}];
    }`,
    )}
    ${
      decays
        ? `let decay = fromStart[row * sizes.length + min(first + ${CHUNK}u, sizes.length) - 1u];
    ${eachPiece((piece) => `state${piece} *= decay;`)}`
        : ''
    }
    for (var t = 0u; t < ${CHUNK}u; t += 16u) {
      if (y / 4u == t / 16u) {
        ${unrolled(4, (m) => `right[(4u * (y % 4u) + ${m}u) * 16u + x] = correction[${m}];`)}
      }
      ${eachPiece(
        (piece) => `left[local] = -w[(token + t + y) * ${padded / 4}u + ${(CHUNK * piece) / 4}u + x];
      workgroupBarrier();
      state${piece} = product(y, x, state${piece});
      workgroupBarrier();`,
      )}
      right[local] = vec4f();
      if (inside && first + t + y < sizes.length) {
        right[local] = sizes.scale${decays ? ' * fromStart[row * sizes.length + first + t + y]' : ''} * dOutputAt(row, first + t + y, fourth);
      }
      ${eachPiece(
        (piece) => `left[local] = vec4f();
      if (${(CHUNK * piece) / 4}u + x < ${keyDim / 4}u) { left[local] = queryAt(row / sizes.sharing, first + t + y, ${(CHUNK * piece) / 4}u + x); }
      workgroupBarrier();
      state${piece} = product(y, x, state${piece});
      workgroupBarrier();`,
      )}
    }
  }
  ${eachRow((piece, m, at) => `dStart[${at}] = state${piece}[${m}];`, `row * ${keyDim}u`)}
}
`,
  };
}

export interface DeltaStateGradientsInputs {
  /** [B, N, T, Dk] */
  readonly q: tf.Tensor4D;
  /** Of \`chunkDecays\`, [B, Nv, T]; null where nothing decays. */
  readonly fromStart: tf.Tensor | null;
  /** [B, Nv, T, Dv] */
  readonly dO: tf.Tensor4D;
  /** Of S after the last token, [B, Nv, Dk, Dv]. */
  readonly dLast: tf.Tensor4D;
  /** A^T P, [B, Nv, T, Dv]: it becomes dU'. */
  readonly dCorrections: tf.Tensor4D;
}

export interface DeltaStateGradients {
  /** Of S behind each chunk, [B, Nv, chunks, Dk, Dv]. */
  readonly dStates: tf.Tensor;
  /** Of S before the first token, [B, Nv, Dk, Dv]. */
  readonly dStart: tf.Tensor4D;
}

/** The systems are those in f32. */
export function deltaStateGradients(
  { w, keys }: DeltaSystems,
  { q, fromStart, dO, dLast, dCorrections }: DeltaStateGradientsInputs,
): DeltaStateGradients {
  const [batch, heads, length, valueDim] = dO.shape;
  const keyDim = q.shape[3];
  const chunks = Math.ceil(length / CHUNK);
  const [dStates, dStart] = run({
    program: programOf({ keyDim, valueDim, decays: fromStart !== null }),
    inputs: [w, keys, q, dO, dLast, ...(fromStart === null ? [] : [fromStart])],
    outputs: [{ shape: [batch, heads, chunks, keyDim, valueDim] }, { shape: dLast.shape }],
    updates: [dCorrections],
    uniforms: [length, chunks, heads / q.shape[1], f32(keyDim ** -0.5)],
    workgroups: [Math.ceil(valueDim / CHUNK), batch * heads],
  });
  return { dStates, dStart: dStart as tf.Tensor4D };
}

export function samples(): Program[] {
  return [
    programOf({ keyDim: 128, valueDim: 128, decays: false }),
    programOf({ keyDim: 256, valueDim: 512, decays: true }),
    programOf({ keyDim: 24, valueDim: 48, decays: true }),
  ];
}
