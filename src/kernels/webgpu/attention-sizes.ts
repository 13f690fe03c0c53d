// What the windowed attention kernels share: their tensors, their sizes as uniforms, and the functions that read them.
//   x[t,s] = q[t] . k[s] / sqrt(D) + slope * (p - s),   s in (p - window, p],   p = t + S - T the position of query t
// In the kernels logits are in units of ln 2, so that exp2 serves: q is scaled by log2(e) / sqrt(D), the slope by log2(e).
import type * as tf from '#tfjs';

export type Activation = 'sigmoid' | 'softmax';

/** The constants that a kernel's text is made with. */
export interface AttentionConstants {
  /** D, the size of a head. */
  readonly dim: number;
  readonly activation: Activation;
}

/** Where a kernel leaves what it sums along a row of logits. */
export type Epilogue =
  /** o[t] */
  | 'output'
  /** The log-sum-exp of row t in units of ln 2, and dO[t] . o[t]: what the gradient of softmax needs, [B, N, T, 2]. */
  | 'statistics';

/** Which tensors come in f16, two to a word: the output is as the queries. */
export interface AttentionPacking {
  readonly queries: boolean;
  /** Keys and values. */
  readonly keys: boolean;
}

export const UNPACKED: AttentionPacking = { queries: false, keys: false };

export interface AttentionTensors {
  /** [B, T, N, D] */
  readonly q: tf.Tensor4D;
  /** [B, S, Nkv, D]; the last T of the S positions are the queries' own. Head n reads key head n / (N / Nkv). */
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** [N] */
  readonly slopes: tf.Tensor;
}

interface Shaped {
  readonly shape: readonly [number, number, number, number];
}

/** log2(e) and its inverse, as WGSL numbers. */
export const LOG2_E = Math.LOG2E;
export const LN_2 = Math.LN2;

/** Declares `sizes`; the binding comes after those of the tensors. Strides are in vectors of four elements. */
export function sizesWgsl(binding: number): string {
  return /* wgsl */ `
struct Sizes {
  queries: u32, keys: u32, window: u32, heads: u32, group: u32,
  queryBatch: u32, queryHead: u32, queryToken: u32,
  keyBatch: u32, keyHead: u32, keyToken: u32,
}
@group(0) @binding(${binding}) var<uniform> sizes: Sizes;

// Where a head begins in q and o, and in k and v.
fn queryHeadAt(batch: u32, head: u32) -> u32 { return batch * sizes.queryBatch + head * sizes.queryHead; }
fn keyHeadAt(batch: u32, head: u32) -> u32 { return batch * sizes.keyBatch + head * sizes.keyHead; }
// The first key that query t reaches.
fn firstKey(t: u32) -> u32 {
  let end = t + sizes.keys - sizes.queries + 1;
  return end - min(end, sizes.window);
}
// The queries [first, end) that reach one of the keys [s, last].
fn firstQuery(s: u32) -> u32 { return max(s, sizes.keys - sizes.queries) - (sizes.keys - sizes.queries); }
fn endOfQueries(last: u32) -> u32 {
  return max(min(last + sizes.window, sizes.keys), sizes.keys - sizes.queries) - (sizes.keys - sizes.queries);
}
// 1 / (1 + 2^-y); the bound keeps 2^-y finite, and the weight there is 2^-100.
fn sigmoid2(y: f32) -> f32 { return 1.0 / (1.0 + exp2(min(-y, 100.0))); }
`;
}

/** The words of `sizes`: the one place that knows how tokens and heads lie in memory. A key is in reach of a query where their distance, as an unsigned number, is below the window. */
export function sizesOf({ q, k }: { readonly q: Shaped; readonly k: Shaped }, window: number | null): number[] {
  const [, queries, heads, dim] = q.shape;
  const [, keys, kvHeads] = k.shape;
  const vectors = dim / 4;
  return [
    ...[queries, keys, Math.min(window ?? keys, keys), heads, heads / kvHeads],
    ...[queries * heads * vectors, vectors, heads * vectors],
    ...[keys * kvHeads * vectors, vectors, kvHeads * vectors],
  ];
}

/** Declares the tensors of a kernel in the order of its bindings, then `sizes`. */
export function bindingsWgsl(inputs: Record<string, string>, outputs: Record<string, string>): string {
  const names = [...Object.entries(inputs), ...Object.entries(outputs)];
  const declare = ([name, element]: [string, string], binding: number) =>
    `@group(0) @binding(${binding}) var<storage, ${name in inputs ? 'read' : 'read_write'}> ${name}: array<${element}>;`;
  return `${names.map(declare).join('\n')}\n${sizesWgsl(names.length)}`;
}

/** Lines of WGSL, one for each i < count: the loops that must be unrolled for their variables to be registers. */
export function unrolled(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n');
}

/** A number as WGSL reads it, never as an integer. */
export function float(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
