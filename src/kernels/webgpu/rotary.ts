// Rotary position embedding from the host's tables (ops/rotary.ts): pairs [x1, x2] -> [x1 cos - x2 sin, x2 cos + x1 sin], the
// first half of a row against the second, or neighbours. The gradient is the rotation back, so `direction` -1.
// One vector of pairs an invocation. Bytes: x read, y written; the tables stay in L2. Bound by memory.
import type * as tf from '#tfjs';
import { f32, positionWgsl, run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, WORKGROUP } from './vectors.js';

export type Pairing = 'halves' | 'neighbours';

/**
 * x [..., T, R, D], each token with R rows; cos, sin [positions, D/2], of which x's first token takes the `position`-th row
 * -> x's shape
 */
export function rotatePairs(
  { x, cos, sin }: { x: tf.Tensor; cos: tf.Tensor; sin: tf.Tensor },
  pairing: Pairing,
  position: number,
  direction: 1 | -1,
): tf.Tensor {
  const [length, rows, dim] = x.shape.slice(-3) as [number, number, number];
  const count = x.size / 2 / pairsAtOnce(pairing, dim);
  const [y] = run({
    program: program(pairing, dim),
    inputs: [x, cos, sin],
    outputs: [{ shape: x.shape }],
    uniforms: [count, length, rows, f32(direction)],
    position,
    workgroups: workgroupsFor(count, WORKGROUP),
  });
  return y;
}

/** Halves are read as two vectors of four, neighbours as one of two pairs, where a row divides into them. */
function pairsAtOnce(pairing: Pairing, dim: number): number {
  if (pairing === 'halves') return dim % 8 === 0 ? 4 : 1;
  return dim % 4 === 0 ? 2 : 1;
}

function program(pairing: Pairing, dim: number): Program {
  const pairs = pairsAtOnce(pairing, dim);
  const vector = (width: number) => (width === 1 ? 'f32' : `vec${width}<f32>`);
  const angles = vector(pairs);
  const values = vector(pairing === 'halves' ? pairs : 2 * pairs);
  const perRow = dim / 2 / pairs;
  const body = {
    halves: `
  let first = item / ${perRow}u * ${2 * perRow}u + item % ${perRow}u;
  let x1 = x[first];
  let x2 = x[first + ${perRow}u];
  y[first] = x1 * c - x2 * s;
  y[first + ${perRow}u] = x2 * c + x1 * s;`,
    neighbours:
      pairs === 2
        ? `
  let pairs = x[item];
  let rotated = pairs.xz * c - pairs.yw * s;
  let other = pairs.yw * c + pairs.xz * s;
  y[item] = vec4(rotated.x, other.x, rotated.y, other.y);`
        : `
  let pair = x[item];
  y[item] = vec2(pair.x * c - pair.y * s, pair.y * c + pair.x * s);`,
  };
  return {
    key: `rotary/${pairing}/${dim}`,
    wgsl: () => `
${bindings(
  { x: values, cosines: angles, sines: angles },
  { y: values },
  'count: u32, length: u32, rows: u32, direction: f32',
)}
${positionWgsl(5)}
${perItem(`
  let token = item / ${perRow}u / uniforms.rows % uniforms.length;
  let angle = (at.x + token) * ${perRow}u + item % ${perRow}u;
  let c = cosines[angle];
  let s = sines[angle] * uniforms.direction;
  ${body[pairing]}`)}`,
  };
}

export function samples(): Program[] {
  return (['halves', 'neighbours'] as const).flatMap((pairing) => [6, 64, 128].map((dim) => program(pairing, dim)));
}
