// Sums from each token on to the sequence's end: y[t] = x[t] + ... + x[T - 1] + end. (tfjs 4.22.0 caches its reversed cumulative
// sum without its length.)
// One workgroup a row and up to 16 channels; its invocations sum stretches of the tokens, then each goes through its own again
// from what is behind it. Bytes: x twice in, once out; bound by memory.
import type * as tf from '#tfjs';
import { run, type Program } from './runner.js';

const INVOCATIONS = 256;

/** Channels side by side in a workgroup. */
function programOf(side: number): Program {
  return {
    key: `suffix-sums/${side}`,
    wgsl: () => `
struct Sizes { length: u32, channels: u32, stretch: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> end: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
var<workgroup> stretches: array<f32, ${INVOCATIONS}>;

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let channel = group.x * ${side}u + local % ${side}u;
  let row = group.y;
  let first = min(local / ${side}u * sizes.stretch, sizes.length);
  let past = select(first, min(first + sizes.stretch, sizes.length), channel < sizes.channels);
  let base = row * sizes.length * sizes.channels + channel;
  var sum = 0.0;
  for (var t = first; t < past; t++) {
    sum += x[base + t * sizes.channels];
  }
  stretches[local] = sum;
  workgroupBarrier();
  if (past == first) {
    return;
  }
  sum = end[row * sizes.channels + channel];
  for (var later = ${INVOCATIONS - side}u + local % ${side}u; later > local; later -= ${side}u) {
    sum += stretches[later];
  }
  for (var t = past; t > first; t--) {
    sum += x[base + (t - 1u) * sizes.channels];
    sums[base + (t - 1u) * sizes.channels] = sum;
  }
}
`,
  };
}

/** x [B, N, T] with end [B, N], or x [B, N, T, D] with end [B, N, D] -> of x's shape. */
export function suffixSums<R extends tf.Rank>(x: tf.Tensor<R>, end: tf.Tensor): tf.Tensor<R> {
  const [batch, heads, length, channels = 1] = x.shape as [number, number, number, number?];
  const side = channels === 1 ? 1 : 16;
  const [sums] = run({
    program: programOf(side),
    inputs: [x, end],
    outputs: [{ shape: x.shape }],
    uniforms: [length, channels, Math.ceil(length / (INVOCATIONS / side))],
    workgroups: [Math.ceil(channels / side), batch * heads],
  });
  return sums as tf.Tensor<R>;
}

export function samples(): Program[] {
  return [programOf(1), programOf(16)];
}
