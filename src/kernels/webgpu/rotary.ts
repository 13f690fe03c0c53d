// Rotary position embedding from the host's tables (ops/rotary.ts): pairs [x1, x2] -> [x1 cos - x2 sin, x2 cos + x1 sin], the
// first half of a row against the second, or neighbours. The gradient is the rotation back, so `direction` -1.
// A table with a row for every position would grow with the text, so an angle is the sum of two, by the addition theorem: of the
// position in its block, and of the block's first position. Tables and sums are rounded to f32: cos and sin are within 2e-7 of f64's
// (1.4e-7 at most is found up to position 16 million, and 3e-8 in the root mean square).
// One vector of pairs an invocation. Bytes: x read, y written; the tables stay in L1. Bound by memory.
import type * as tf from '#tfjs';
import { asHeld, asReal, boundAs, operandOf, packingWgsl, type Held } from './held.js';
import { packsRows } from './half-tensor.js';
import { f32, positionWgsl, run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, WORKGROUP } from './vectors.js';

export type Pairing = 'halves' | 'neighbours';

/** Positions of a block, where positions have no period. */
export const BLOCK = 256;

/** Tables [block + blocks, D/2]: a row for each position of a block, then one for the first position of each block. */
export interface RotaryAngles {
  readonly cos: tf.Tensor;
  readonly sin: tf.Tensor;
  readonly block: number;
  /** Positions that the tables reach: block x blocks. */
  readonly positions: number;
}

/** WGSL of cos and sin at `position`, from tables `cosines` and `sines` with rows of `perRow` of `type`, at `column` of a row. */
export function angleWgsl(type: string, perRow: number, block: string): string {
  return /* wgsl */ `
struct Angle { c: ${type}, s: ${type} }
fn angleAt(position: u32, column: u32) -> Angle {
  let fine = position % ${block} * ${perRow}u + column;
  let coarse = (${block} + position / ${block}) * ${perRow}u + column;
  let c = cosines[fine] * cosines[coarse] - sines[fine] * sines[coarse];
  let s = sines[fine] * cosines[coarse] + cosines[fine] * sines[coarse];
  return Angle(c, s);
}`;
}

export interface RotatePairsOptions {
  readonly pairing: Pairing;
  readonly position: number;
  readonly direction: 1 | -1;
  /** What the result is multiplied with. */
  readonly scale?: number;
  /** The result is packed, as where x is. */
  readonly packs?: boolean;
}

/** x [..., T, R, D], each token with R rows, x's first token at `position` -> x's shape */
export function rotatePairs(
  x: tf.Tensor,
  { cos, sin, block }: RotaryAngles,
  { pairing, position, direction, scale = 1, packs = false }: RotatePairsOptions,
): tf.Tensor {
  const [length, rows, dim] = x.shape.slice(-3) as [number, number, number];
  const count = x.size / 2 / pairsAtOnce(pairing, dim);
  const { buffer, held } = inVectors(pairing, dim) ? operandOf(x) : { buffer: x, held: 'f32' as const };
  const packed = packsRows(x.shape) && (packs || held === 'f16');
  const [y] = run({
    program: program(pairing, dim, { x: held, y: packed ? 'f16' : 'f32' }),
    inputs: [buffer, cos, sin],
    outputs: [{ shape: x.shape, packed }],
    uniforms: [count, length, rows, block, f32(scale), f32(direction * scale)],
    position,
    workgroups: workgroupsFor(count, WORKGROUP),
  });
  return y;
}

/** Halves are read as two vectors of four, neighbours as one of two pairs, where a row divides into them. */
function pairsAtOnce(pairing: Pairing, dim: number): number {
  if (!inVectors(pairing, dim)) return 1;
  return pairing === 'halves' ? 4 : 2;
}

function inVectors(pairing: Pairing, dim: number): boolean {
  return dim % (pairing === 'halves' ? 8 : 4) === 0;
}

interface Layout {
  readonly x: Held;
  readonly y: Held;
}

/** What is f16 is so only where values are vectors of four. */
function program(pairing: Pairing, dim: number, layout: Layout): Program {
  const pairs = pairsAtOnce(pairing, dim);
  const vector = (width: number) => (width === 1 ? 'f32' : `vec${width}<f32>`);
  const angles = vector(pairs);
  const values = (held: Held) => (held === 'f16' ? boundAs(held) : vector(pairing === 'halves' ? pairs : 2 * pairs));
  const read = (at: string) => asReal(layout.x, `x[${at}]`);
  const write = (at: string, value: string) => `y[${at}] = ${asHeld(layout.y, value)};`;
  const perRow = dim / 2 / pairs;
  const body = {
    halves: `
  let first = item / ${perRow}u * ${2 * perRow}u + item % ${perRow}u;
  let x1 = ${read('first')};
  let x2 = ${read(`first + ${perRow}u`)};
  ${write('first', 'x1 * c - x2 * s')}
  ${write(`first + ${perRow}u`, 'x2 * c + x1 * s')}`,
    neighbours:
      pairs === 2
        ? `
  let pairs = ${read('item')};
  let rotated = pairs.xz * c - pairs.yw * s;
  let other = pairs.yw * c + pairs.xz * s;
  ${write('item', 'vec4(rotated.x, other.x, rotated.y, other.y)')}`
        : `
  let pair = x[item];
  y[item] = vec2(pair.x * c - pair.y * s, pair.y * c + pair.x * s);`,
  };
  return {
    key: `rotary/${pairing}/${dim}/${layout.x}/${layout.y}`,
    wgsl: () => `
${packingWgsl(layout.x, layout.y)}
${bindings(
  { x: values(layout.x), cosines: angles, sines: angles },
  { y: values(layout.y) },
  'count: u32, length: u32, rows: u32, block: u32, scaleOfCos: f32, scaleOfSin: f32',
)}
${positionWgsl(5)}
${angleWgsl(angles, perRow, 'uniforms.block')}
${perItem(`
  let token = item / ${perRow}u / uniforms.rows % uniforms.length;
  let angle = angleAt(at.x + token, item % ${perRow}u);
  let c = angle.c * uniforms.scaleOfCos;
  let s = angle.s * uniforms.scaleOfSin;
  ${body[pairing]}`)}`,
  };
}

export function samples(): Program[] {
  return (['halves', 'neighbours'] as const).flatMap((pairing) => [
    ...[6, 64, 128].map((dim) => program(pairing, dim, { x: 'f32', y: 'f32' })),
    program(pairing, 64, { x: 'f16', y: 'f16' }),
    program(pairing, 64, { x: 'f32', y: 'f16' }),
  ]);
}
