// A chunk's scores: A[i, j] = q[i].k[j] for all pairs of its 64 tokens, neither masked nor decayed, so that heads that share q
// and k share them. Behind the last token they are 0.
// One workgroup a chunk and row. Bytes: q and k in, 64 floats a token out. FLOPs: 128 Dk a token. Bound by arithmetic; in f16
// (chunk-scores-f16.ts) by memory.
import type * as tf from '#tfjs';
import { chunkScoresF16 } from './chunk-scores-f16.js';
import { chunksOnTensorCores, operandsOf } from './chunk-tensor-cores.js';
import { CHUNK, F32_TILES, putBlock, readRow } from './chunk-tiles.js';
import { run, type Program } from './runner.js';

function programOf(dim: number): Program {
  return {
    key: `chunk-scores/${dim}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
${F32_TILES}
${readRow('queryAt', 'q', dim)}
${readRow('keyAt', 'k', dim)}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let row = group.y;
  let first = chunk * ${CHUNK}u;
  let x = local & 15u;
  let y = local >> 4u;
  var sum = mat4x4f();
  for (var c = 0u; c < ${dim / 4}u; c += 4u) {
    let fourth = local & 3u;
    let tokens = (local >> 2u) & 15u;
    let token = first + 4u * tokens;
    if (local < 64u) {
      let block = transpose(mat4x4f(${[0, 1, 2, 3].map((m) => `queryAt(row, token + ${m}u, c + fourth)`).join(', ')}));
      ${putBlock('left', 'fourth', 'tokens', 'block')}
    } else if (local < 128u) {
      let block = transpose(mat4x4f(${[0, 1, 2, 3].map((m) => `keyAt(row, token + ${m}u, c + fourth)`).join(', ')}));
      ${putBlock('right', 'fourth', 'tokens', 'block')}
    }
    workgroupBarrier();
    sum = product(y, x, sum);
    workgroupBarrier();
  }
  let out = ((row * sizes.chunks + chunk) * ${CHUNK}u + 4u * y) * ${CHUNK / 4}u + x;
  ${[0, 1, 2, 3].map((m) => `scores[out + ${m * (CHUNK / 4)}u] = sum[${m}];`).join('\n')}
}
`,
  };
}

/** q, k [B, G, T, Dk] -> [B, G, chunks, 64, 64] */
export function chunkScores(q: tf.Tensor4D, k: tf.Tensor4D): tf.Tensor {
  const [batch, heads, length, dim] = q.shape;
  const chunks = Math.ceil(length / CHUNK);
  const { buffers, held } = operandsOf(q, k);
  const [program, inputs] = chunksOnTensorCores(dim)
    ? [chunkScoresF16({ dim, held }), buffers]
    : [programOf(dim), [q, k]];
  return run({
    program,
    inputs,
    outputs: [{ shape: [batch, heads, chunks, CHUNK, CHUNK] }],
    uniforms: [length, chunks],
    workgroups: [chunks, batch * heads],
  })[0];
}

export function samples(): Program[] {
  return [24, 128].map(programOf);
}
