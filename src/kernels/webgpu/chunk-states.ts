// The states between chunks of linear attention, S' = decay S + K~^T V~: from the first chunk to the last, or, for the gradient
// of the states, from the last to the first. K~ and V~ are the chunk's keys and values with the decays to its end.
// One workgroup a row and 64 x 64 piece of S, which it carries from chunk to chunk; its product is made in the same pass, so that
// no update is ever in memory. Bytes: k once for every 64 of Dv and v once for every 64 of Dk (mostly from the cache), a state a
// chunk out. FLOPs: 2 Dk Dv a token. In f32; the forward pass in f16 is
// chunk-states-f16.ts.
import type * as tf from '#tfjs';
import { CHUNK, F32_TILES, readRow } from './chunk-tiles.js';
import { run, type Program } from './runner.js';

/** Whether a decay is one a token or one a channel of the keys or values; null where nothing decays. */
export type DecayKind = 'token' | 'keys' | 'values';

interface Spec {
  readonly keyDim: number;
  readonly valueDim: number;
  readonly decay: DecayKind;
}

function programOf(spec: Spec): Program {
  const { keyDim, valueDim, decay } = spec;
  return {
    key: `chunk-states/${keyDim}/${valueDim}/${decay}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32, sharing: u32, backwards: u32 }
@group(0) @binding(0) var<storage, read> k: array<vec4f>;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;
@group(0) @binding(2) var<storage, read> factor: array<${decay === 'token' ? 'f32' : 'vec4f'}>;
@group(0) @binding(3) var<storage, read> whole: array<${decay === 'values' ? 'vec4f' : 'f32'}>;
@group(0) @binding(4) var<storage, read> start: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> states: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> last: array<vec4f>;
@group(0) @binding(7) var<uniform> sizes: Sizes;
${F32_TILES}
${readRow('rawKeyAt', 'k', keyDim)}
${readRow('rawValueAt', 'v', valueDim)}
${decay === 'token' ? '' : readRow('factorAt', 'factor', decay === 'keys' ? keyDim : valueDim)}
fn keyAt(row: u32, token: u32, fourth: u32) -> vec4f {
  return rawKeyAt(row / sizes.sharing, token, fourth)${{ token: '', keys: ' * factorAt(row, token, fourth)', values: '' }[decay]};
}

fn valueAt(row: u32, token: u32, fourth: u32) -> vec4f {
  ${decay === 'token' ? 'if (token >= sizes.length) { return vec4f(); }' : ''}
  return rawValueAt(row, token, fourth)${
    { token: ' * factor[row * sizes.length + token]', keys: '', values: ' * factorAt(row, token, fourth)' }[decay]
  };
}

/** What the chunk leaves of S at row \`channel\`, columns 4 fourth... */
fn remaining(row: u32, chunk: u32, channel: u32, fourth: u32) -> vec4f {
  let token = row * sizes.length + min((chunk + 1u) * ${CHUNK}u, sizes.length) - 1u;
  return ${
    {
      token: 'vec4f(whole[token])',
      keys: `vec4f(whole[token * ${keyDim}u + channel])`,
      values: `whole[token * ${valueDim / 4}u + fourth]`,
    }[decay]
  };
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let firstValue = group.x * ${CHUNK / 4}u;
  let firstKey = group.y * ${CHUNK}u;
  let row = group.z;
${body(spec)}
}
`,
  };
}

function body({ keyDim, valueDim }: Spec): string {
  const [ROWS, FOURTHS] = [`${keyDim}u`, `${valueDim / 4}u`];
  const each = (statement: (m: number) => string) => [0, 1, 2, 3].map(statement).join('\n');
  return `
  let x = local & 15u;
  let y = local >> 4u;
  let fourth = firstValue + x;
  let channel = firstKey + 4u * y;
  let inside = vec4<bool>(fourth < ${FOURTHS}) & (vec4u(channel) + vec4u(0, 1, 2, 3) < vec4u(${ROWS}));
  var state = mat4x4f();
  ${each((m) => `if (inside[${m}]) { state[${m}] = start[(row * ${ROWS} + channel + ${m}u) * ${FOURTHS} + fourth]; }`)}
  for (var n = 0u; n < sizes.chunks; n++) {
    let chunk = select(n, sizes.chunks - 1u - n, sizes.backwards == 1u);
    let out = (row * sizes.chunks + chunk) * ${ROWS};
    ${each(
      (m) => `if (inside[${m}]) {
      states[(out + channel + ${m}u) * ${FOURTHS} + fourth] = state[${m}];
      state[${m}] *= remaining(row, chunk, channel + ${m}u, fourth);
    }`,
    )}
    for (var t = chunk * ${CHUNK}u; t < min((chunk + 1u) * ${CHUNK}u, sizes.length); t += 16u) {
      left[local] = keyAt(row, t + y, firstKey / 4u + x);
      right[local] = valueAt(row, t + y, fourth);
      workgroupBarrier();
      state = product(y, x, state);
      workgroupBarrier();
    }
  }
  ${each((m) => `if (inside[${m}]) { last[(row * ${ROWS} + channel + ${m}u) * ${FOURTHS} + fourth] = state[${m}]; }`)}`;
}

export interface ChunkStatesInputs {
  /** [B, G, T, Dk] */
  readonly k: tf.Tensor4D;
  /** [B, N, T, Dv] */
  readonly v: tf.Tensor4D;
  /** On the keys or values, by the kind of decay: [B, N, T] or [B, N, T, D]. */
  readonly factor: tf.Tensor;
  /** Of its shape; its last token of a chunk has what the chunk leaves of S. */
  readonly whole: tf.Tensor;
  /** [B, N, Dk, Dv] */
  readonly start: tf.Tensor4D;
}

export interface ChunkStates {
  /** S before each chunk (behind it, where they go backwards): [B, N, chunks, Dk, Dv]. */
  readonly states: tf.Tensor;
  /** S after the last one that was visited, [B, N, Dk, Dv]. */
  readonly final: tf.Tensor4D;
}

export function chunkStates(
  { k, v, factor, whole, start }: ChunkStatesInputs,
  decay: DecayKind,
  backwards = false,
): ChunkStates {
  const [batch, heads, length, valueDim] = v.shape;
  const keyDim = k.shape[3];
  const chunks = Math.ceil(length / CHUNK);
  const spec: Spec = { keyDim, valueDim, decay };
  const [states, final] = run({
    program: programOf(spec),
    inputs: [k, v, factor, whole, start],
    outputs: [{ shape: [batch, heads, chunks, keyDim, valueDim] }, { shape: start.shape }],
    uniforms: [length, chunks, heads / k.shape[1], backwards ? 1 : 0],
    workgroups: [Math.ceil(valueDim / CHUNK), Math.ceil(keyDim / CHUNK), batch * heads],
  });
  return { states, final: final as tf.Tensor4D };
}

export function samples(): Program[] {
  const shapes: Spec[] = [
    { keyDim: 128, valueDim: 256, decay: 'token' },
    { keyDim: 24, valueDim: 48, decay: 'token' },
    { keyDim: 128, valueDim: 256, decay: 'keys' },
    { keyDim: 256, valueDim: 64, decay: 'values' },
  ];
  return shapes.map(programOf);
}
