// Sums from each token on to the sequence's end, y[t] = x[t] + ... + x[T - 1] + end, of a tensor or of a difference of products,
// x = a b - c d. (tfjs 4.22.0 caches the shader of its reversed cumulative sum without its length.)
// One workgroup a row and up to 16 channels; its invocations sum stretches of the tokens, then each goes through its own again
// from what is behind it. Bytes: x (or the four) twice in, once out; bound by memory.
import type * as tf from '#tfjs';
import { run, type Program } from './runner.js';

const INVOCATIONS = 256;
/** Channels side by side in a workgroup, where there are channels. */
const SIDE = 16;

function programOf(side: number, products: boolean): Program {
  const inputs = [...(products ? ['a', 'b', 'c', 'd'] : ['x']), 'end'];
  return {
    key: `suffix-sums/${side}/${products ? 'products' : 'tensor'}`,
    wgsl: () => `
struct Sizes { length: u32, channels: u32, stretch: u32 }
${inputs.map((name, i) => `@group(0) @binding(${i}) var<storage, read> ${name}: array<f32>;`).join('\n')}
@group(0) @binding(${inputs.length}) var<storage, read_write> sums: array<f32>;
@group(0) @binding(${inputs.length + 1}) var<uniform> sizes: Sizes;
var<workgroup> stretches: array<f32, ${INVOCATIONS}>;

fn at(i: u32) -> f32 {
  return ${products ? 'a[i] * b[i] - c[i] * d[i]' : 'x[i]'};
}

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let channel = group.x * ${side}u + local % ${side}u;
  let row = group.y;
  let first = min(local / ${side}u * sizes.stretch, sizes.length);
  let past = select(first, min(first + sizes.stretch, sizes.length), channel < sizes.channels);
  let base = row * sizes.length * sizes.channels + channel;
  var sum = 0.0;
  for (var t = first; t < past; t++) {
    sum += at(base + t * sizes.channels);
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
    sum += at(base + (t - 1u) * sizes.channels);
    sums[base + (t - 1u) * sizes.channels] = sum;
  }
}
`,
  };
}

/** x [B, N, T], end [B, N] -> [B, N, T] */
export function suffixSums(x: tf.Tensor3D, end: tf.Tensor): tf.Tensor3D {
  const [batch, heads, length] = x.shape;
  const [sums] = run({
    program: programOf(1, false),
    inputs: [x, end],
    outputs: [{ shape: x.shape }],
    uniforms: [length, 1, Math.ceil(length / INVOCATIONS)],
    workgroups: [1, batch * heads],
  });
  return sums as tf.Tensor3D;
}

/** Four of [B, N, T, D], end [B, N, D] -> [B, N, T, D] */
export function suffixSumsOfProducts(
  factors: readonly [a: tf.Tensor4D, b: tf.Tensor4D, c: tf.Tensor4D, d: tf.Tensor4D],
  end: tf.Tensor,
): tf.Tensor4D {
  const [batch, heads, length, channels] = factors[0].shape;
  const [sums] = run({
    program: programOf(SIDE, true),
    inputs: [...factors, end],
    outputs: [{ shape: factors[0].shape }],
    uniforms: [length, channels, Math.ceil(length / (INVOCATIONS / SIDE))],
    workgroups: [Math.ceil(channels / SIDE), batch * heads],
  });
  return sums as tf.Tensor4D;
}

export function samples(): Program[] {
  return [programOf(1, false), programOf(SIDE, true)];
}
