// A chunk's scores where every channel decays by itself (GLA):
//   A[i, j] = sum over c of q[i, c] k[j, c] exp(g[j + 1, c] + ... + g[i, c]) for j <= i, else 0.
// The exponent is a sum of g in three parts, none of them positive: what is left of j's four tokens, what lies between them and
// i's four, and what leads to i. Between two fours it is put together from sums over four and sixteen tokens.
// One workgroup a chunk and row, 4 x 4 scores an invocation. Bytes: q, k and g in, 64 floats a token out.
// FLOPs: 128 Dk a token, and 8 exponentials for 16 products. Bound by arithmetic; in f16
// (gated-scores-f16.ts), for forward passes, it has fewer exponentials.
import type * as tf from '#tfjs';
import { operandsOf } from './chunk-tensor-cores.js';
import { CHUNK, putBlock, readRow } from './chunk-tiles.js';
import { gatedScoresF16 } from './gated-scores-f16.js';
import { run, type Program } from './runner.js';

function programOf(dim: number): Program {
  const loadBlock = (read: string) =>
    `transpose(mat4x4f(${[0, 1, 2, 3].map((m) => `${read}(row, token + ${m}u, c + fourth)`).join(', ')}))`;
  return {
    key: `gated-scores/${dim}`,
    wgsl: () => `
struct Sizes { length: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> g: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;
// [16 channels, 16 fours of tokens]
var<workgroup> left: array<vec4f, 256>;
var<workgroup> right: array<vec4f, 256>;
var<workgroup> gates: array<vec4f, 256>;
// Sums of g: over a four, over the fours before it and behind it in its sixteen, and over a sixteen.
var<workgroup> sums: array<f32, 256>;
var<workgroup> before: array<f32, 256>;
var<workgroup> behind: array<f32, 256>;
var<workgroup> sixteens: array<f32, 64>;
${readRow('queryAt', 'q', dim)}
${readRow('keyAt', 'k', dim)}
${readRow('gateAt', 'g', dim)}
/** The sum of g of channel c over the fours between along and down, along < down. */
fn between(c: u32, down: u32, along: u32) -> f32 {
  var sum = 0.0;
  if (down / 4u == along / 4u) {
    for (var f = along + 1u; f < down; f++) {
      sum += sums[c * 16u + f];
    }
    return sum;
  }
  for (var f = along / 4u + 1u; f < down / 4u; f++) {
    sum += sixteens[c * 4u + f];
  }
  return behind[c * 16u + along] + sum + before[c * 16u + down];
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let row = group.y;
  let x = local & 15u;
  let y = local >> 4u;
  let fourth = local & 3u;
  let tokens = (local >> 2u) & 15u;
  let token = chunk * ${CHUNK}u + 4u * tokens;
  var sum = mat4x4f();
  for (var c = 0u; c < ${dim / 4}u; c += 4u) {
    if (local < 64u) {
      let block = ${loadBlock('queryAt')};
      ${putBlock('left', 'fourth', 'tokens', 'block')}
    } else if (local < 128u) {
      let block = ${loadBlock('keyAt')};
      ${putBlock('right', 'fourth', 'tokens', 'block')}
    } else if (local < 192u) {
      let block = ${loadBlock('gateAt')};
      ${putBlock('gates', 'fourth', 'tokens', 'block')}
      for (var m = 0u; m < 4u; m++) {
        sums[(4u * fourth + m) * 16u + tokens] = dot(block[m], vec4f(1));
      }
    }
    workgroupBarrier();
    // Here y is a channel and x a four.
    before[local] = 0.0;
    behind[local] = 0.0;
    for (var f = x & 12u; f < x; f++) { before[local] += sums[y * 16u + f]; }
    for (var f = x + 1u; f <= (x | 3u); f++) { behind[local] += sums[y * 16u + f]; }
    if ((x & 3u) == 3u) { sixteens[y * 4u + x / 4u] = before[local] + sums[local]; }
    workgroupBarrier();
    for (var s = 0u; s < 16u; s++) {
      let g = gates[s * 16u + y];
      let a = left[s * 16u + y];
      if (x < y) {
        let h = gates[s * 16u + x];
        let rest = vec4f(h.y + h.z + h.w, h.z + h.w, h.w, 0) + between(s, y, x);
        let decayed = right[s * 16u + x] * exp(rest);
        let read = a * exp(vec4f(g.x, g.x + g.y, g.x + g.y + g.z, g.x + g.y + g.z + g.w));
        sum = mat4x4f(
          fma(vec4f(read.x), decayed, sum[0]), fma(vec4f(read.y), decayed, sum[1]),
          fma(vec4f(read.z), decayed, sum[2]), fma(vec4f(read.w), decayed, sum[3]),
        );
      } else if (x == y) {
        let b = right[s * 16u + x];
        sum[0] += a.x * b * vec4f(1, 0, 0, 0);
        sum[1] += a.y * b * vec4f(exp(g.y), 1, 0, 0);
        sum[2] += a.z * b * vec4f(exp(g.y + g.z), exp(g.z), 1, 0);
        sum[3] += a.w * b * vec4f(exp(g.y + g.z + g.w), exp(g.z + g.w), exp(g.w), 1);
      }
    }
    workgroupBarrier();
  }
  let out = ((row * sizes.chunks + chunk) * ${CHUNK}u + 4u * y) * ${CHUNK / 4}u + x;
  ${[0, 1, 2, 3].map((m) => `scores[out + ${m * (CHUNK / 4)}u] = sum[${m}];`).join('\n')}
}
`,
  };
}

/** q, k, g [B, N, T, Dk] -> [B, N, chunks, 64, 64], in f32. */
export function gatedScores(q: tf.Tensor4D, k: tf.Tensor4D, logDecay: tf.Tensor4D): tf.Tensor {
  return scoresBy(programOf(q.shape[3]), [q, k, logDecay], q.shape);
}

/** The same in f16, for a forward pass where `chunksOnTensorCores`. */
export function gatedScoresOnTensorCores(q: tf.Tensor4D, k: tf.Tensor4D, logDecay: tf.Tensor4D): tf.Tensor {
  const { buffers, held } = operandsOf(q, k);
  return scoresBy(gatedScoresF16({ dim: q.shape[3], held }), [...buffers, logDecay], q.shape);
}

function scoresBy(
  program: Program,
  inputs: tf.TensorInfo[],
  [batch, heads, length]: readonly [number, number, number, number],
): tf.Tensor {
  const chunks = Math.ceil(length / CHUNK);
  return run({
    program,
    inputs,
    outputs: [{ shape: [batch, heads, chunks, CHUNK, CHUNK] }],
    uniforms: [length, chunks],
    workgroups: [chunks, batch * heads],
  })[0];
}

export function samples(): Program[] {
  return [programOf(24), programOf(128)];
}
