// The decays of a chunk's tokens: exp of the sum of g from the chunk's start up to and with the token, and of that from behind
// the token to the chunk's end. Sums, never differences of sums, so that nothing cancels.
// One invocation a chunk and channel, channels side by side. Bytes: g twice in, two of its size out; bound by memory.
import type * as tf from '#tfjs';
import { CHUNK } from './chunk-tiles.js';
import { run, workgroupsFor, type Program } from './runner.js';

const program: Program = {
  key: 'chunk-decays',
  wgsl: () => `
struct Sizes { length: u32, chunks: u32, channels: u32, columns: u32, stride: u32 }
@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read_write> fromStart: array<f32>;
@group(0) @binding(2) var<storage, read_write> toEnd: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let column = id.y * sizes.stride + id.x;
  if (column >= sizes.columns) {
    return;
  }
  let channel = column % sizes.channels;
  let chunk = column / sizes.channels % sizes.chunks;
  let row = column / sizes.channels / sizes.chunks;
  let first = chunk * ${CHUNK}u;
  let count = min(${CHUNK}u, sizes.length - first);
  let base = (row * sizes.length + first) * sizes.channels + channel;
  var sum = 0.0;
  for (var t = 0u; t < count; t++) {
    sum += g[base + t * sizes.channels];
    fromStart[base + t * sizes.channels] = exp(sum);
  }
  sum = 0.0;
  for (var t = count; t > 0u; t--) {
    let at = base + (t - 1u) * sizes.channels;
    toEnd[at] = exp(sum);
    sum += g[at];
  }
}
`,
};

export interface ChunkDecays {
  /** Of the chunk's last token it is what the whole chunk leaves of a state. */
  readonly fromStart: tf.Tensor;
  readonly toEnd: tf.Tensor;
}

/** g [B, N, T] or [B, N, T, D] -> both of its shape. */
export function chunkDecays(g: tf.Tensor): ChunkDecays {
  const [batch, heads, length, channels = 1] = g.shape as [number, number, number, number?];
  const chunks = Math.ceil(length / CHUNK);
  const columns = batch * heads * chunks * channels;
  const workgroups = workgroupsFor(columns, 64);
  const [fromStart, toEnd] = run({
    program,
    inputs: [g],
    outputs: [{ shape: g.shape }, { shape: g.shape }],
    uniforms: [length, chunks, channels, columns, workgroups[0] * 64],
    workgroups,
  });
  return { fromStart, toEnd };
}

export function samples(): Program[] {
  return [program];
}
