// For every token the difference of two products, a[t].b[t] - c[t].d[t]. Rows of a and c may be shared by several of b and d.
// 16 invocations a token, 16 tokens a workgroup; their sums are added in a fixed order. Bytes: the four once; bound by memory.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';

function programOf(dim: number): Program {
  return {
    key: `row-products/${dim}`,
    wgsl: () => `
struct Sizes { length: u32, sharing: u32, tokens: u32, stride: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> c: array<vec4f>;
@group(0) @binding(3) var<storage, read> d: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> products: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;
var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let token = (group.y * sizes.stride + group.x) * 16u + (local >> 4u);
  var sum = 0.0;
  if (token < sizes.tokens) {
    let row = token / sizes.length;
    let whole = token * ${dim / 4}u;
    let sharedRow = (row / sizes.sharing * sizes.length + token % sizes.length) * ${dim / 4}u;
    for (var i = local & 15u; i < ${dim / 4}u; i += 16u) {
      sum += dot(a[sharedRow + i], b[whole + i]) - dot(c[sharedRow + i], d[whole + i]);
    }
  }
  partial[local] = sum;
  workgroupBarrier();
  if ((local & 15u) == 0u && token < sizes.tokens) {
    for (var i = 1u; i < 16u; i++) {
      sum += partial[local + i];
    }
    products[token] = sum;
  }
}
`,
  };
}

/** a, c [B, G, T, D], b, d [B, N, T, D] -> [B, N, T] */
export function rowProducts(a: tf.Tensor4D, b: tf.Tensor4D, c: tf.Tensor4D, d: tf.Tensor4D): tf.Tensor3D {
  const [batch, heads, length, dim] = b.shape;
  const tokens = batch * heads * length;
  const workgroups = workgroupsFor(tokens, 16);
  const [products] = run({
    program: programOf(dim),
    inputs: [a, b, c, d],
    outputs: [{ shape: [batch, heads, length] }],
    uniforms: [length, heads / a.shape[1], tokens, workgroups[0]],
    workgroups,
  });
  return products as tf.Tensor3D;
}

export function samples(): Program[] {
  return [programOf(128)];
}
