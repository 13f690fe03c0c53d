// Products of few tiles and long sums, as the gradient of a small weight over many tokens: K is cut into parts, each workgroup sums
// one part of one tile, and a second kernel adds the parts in order. How K is cut depends on the shape alone, so that every device
// computes the same sums.
//   Bytes of the second kernel: 4 M N for each part read, 4 M N written.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, unrolled, WORKGROUP } from './vectors.js';

/** Tiles that fill a large device: a product that has as many is left whole. */
const ENOUGH_TILES = 128;
/** Two workgroups for each multiprocessor of a large device. */
const WANTED_WORKGROUPS = 256;
/** Sums up to this length are left whole: they end before a second kernel would begin. */
const SHORT = 1024;
/** Slices of a part at least, against which what it writes and what is read again is small. */
const SLICES = 16;
const READ_AT_ONCE = 8;

/** How K is cut: the last part may be shorter. */
export interface Parts {
  readonly count: number;
  /** Elements of K, a multiple of the slice; K where it is left whole. */
  readonly length: number;
}

/** For a product of `tiles` tiles, its whole batch's, by a kernel that goes along K in slices of `slice`. */
export function partsOf(tiles: number, k: number, slice: number): Parts {
  const most = Math.floor(Math.min(WANTED_WORKGROUPS / tiles, k / (SLICES * slice)));
  if (tiles === 0 || tiles >= ENOUGH_TILES || k <= SHORT || most < 2) return whole(k);
  const length = Math.ceil(k / most / slice) * slice;
  return { count: Math.ceil(k / length), length };
}

/** K left whole. */
export function whole(k: number): Parts {
  return { count: 1, length: k };
}

/** partials [batch, parts, M, N] (+ residual) -> their sums over the parts, in `shape`, which is [..., M, N]. Disposes partials. */
export function sumParts(
  partials: tf.Tensor,
  parts: number,
  shape: readonly number[],
  residual?: tf.TensorInfo,
): tf.Tensor {
  const count = partials.size / parts;
  const [sums] = run({
    program: program(residual !== undefined),
    inputs: [partials, ...(residual === undefined ? [] : [residual])],
    outputs: [{ shape }],
    uniforms: [count, shape.at(-2)! * shape.at(-1)!, parts],
    workgroups: workgroupsFor(count, WORKGROUP),
  });
  partials.dispose();
  return sums;
}

/** Parts are read by eights, so that their sum waits for memory once for eight; what lies beyond the last counts as zero. */
function program(residual: boolean): Program {
  return {
    key: `matmul-parts/${residual ? 'residual' : ''}`,
    wgsl: () => `
${bindings({ partials: 'f32', ...(residual ? { residual: 'f32' } : {}) }, { sums: 'f32' }, 'count: u32, size: u32, parts: u32')}
${perItem(`
  let first = item / uniforms.size * uniforms.parts * uniforms.size + item % uniforms.size;
  var sum = 0.0;
  for (var part = 0u; part < uniforms.parts; part += ${READ_AT_ONCE}u) {
    ${unrolled(READ_AT_ONCE, (i) => `let x${i} = partials[first + min(part + ${i}u, uniforms.parts - 1u) * uniforms.size];`)}
    ${unrolled(READ_AT_ONCE, (i) => `sum += select(0.0, x${i}, part + ${i}u < uniforms.parts);`)}
  }
  sums[item] = sum${residual ? ' + residual[item]' : ''};`)}`,
  };
}

export function samples(): Program[] {
  return [program(false), program(true)];
}
