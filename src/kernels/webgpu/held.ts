// How a tensor's elements lie in its buffer: as f32, or as f16, two to a word, in a model that only computes forwards in f16. A kernel
// that knows both reads vectors of four of either; what is computed from packed elements is packed again.
import type * as tf from '#tfjs';
import { packedOf } from './half-tensor.js';

export type Held = 'f32' | 'f16';

/** A tensor, or its words where it is packed and its rows divide into vectors of four. */
export interface Operand {
  readonly buffer: tf.TensorInfo;
  readonly held: Held;
}

export function operandOf(x: tf.TensorInfo): Operand {
  const words = x.shape.at(-1)! % 4 === 0 ? packedOf(x) : undefined;
  return words === undefined ? { buffer: x, held: 'f32' } : { buffer: words, held: 'f16' };
}

/** Element of a binding with vectors of four, by `real` of vectors.ts where they are f32. */
export function boundAs(held: Held): string {
  return held === 'f32' ? 'real' : 'vec2<u32>';
}

/** WGSL of an element as four f32, and of four f32 as an element. */
export function asReal(held: Held, element: string): string {
  return held === 'f32' ? element : `unpacked(${element})`;
}

export function asHeld(held: Held, value: string): string {
  return held === 'f32' ? value : `packed(${value})`;
}

/** What `asReal` and `asHeld` call. */
export function packingWgsl(...held: readonly Held[]): string {
  if (!held.includes('f16')) return '';
  return /* wgsl */ `
fn unpacked(halves: vec2<u32>) -> vec4<f32> { return vec4(unpack2x16float(halves.x), unpack2x16float(halves.y)); }
fn packed(x: vec4<f32>) -> vec2<u32> { return vec2(pack2x16float(x.xy), pack2x16float(x.zw)); }`;
}
