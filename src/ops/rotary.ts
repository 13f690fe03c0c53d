// Rotary position embedding (Su et al. 2021), with half-split pairing as in GPT-NeoX and Llama, or of neighbours as in the paper:
//   [x1, x2] -> [x1 cos - x2 sin, x2 cos + x1 sin], angle = position * theta^(-2i/D).
// The angles are computed on the host in f64: WGSL's cos is off by 2e-4 at 200 rad and 6e-3 at 65k.
import * as tf from '#tfjs';
import { BLOCK, rotatePairs, type Pairing, type RotaryAngles } from '../kernels/webgpu/rotary.js';
import { deviceBackend } from '../kernels/webgpu/runner.js';
import { constant } from './constants.js';
import { defineOp, registerFusedKernel } from './op.js';

export interface RotateOptions {
  /** What the result is multiplied with. */
  readonly scale?: number;
  /** On webgpu the result is held in f16, as it is where x is. */
  readonly packed?: boolean;
}

/** x [B, N, T, D] whose first token stands at `position` -> the same shape, rotated. */
export function rotate(x: tf.Tensor4D, theta: number, position: number, options: RotateOptions = {}): tf.Tensor4D {
  const rotation = { pairing: 'halves', theta, position, period: Infinity, ...options } as const;
  return tf.reshape(rotary({ x: oneRowAToken(x) }, rotation), x.shape);
}

/** The same for x [B, T, N, D]. */
export function rotateTokens(x: tf.Tensor4D, theta: number, position: number): tf.Tensor4D {
  return rotary({ x }, { pairing: 'halves', theta, position, period: Infinity });
}

/**
 * x [B, N, T, D] whose first token stands at `position` -> the same shape, its neighbouring channels rotated. Positions are
 * counted modulo `period`.
 */
export function rotateNeighbours(x: tf.Tensor4D, theta: number, position: number, period: number): tf.Tensor4D {
  const rotation = { pairing: 'neighbours', theta, position: position % period, period } as const;
  return tf.reshape(rotary({ x: oneRowAToken(x) }, rotation), x.shape);
}

/** Tables for heads of `dim` channels (kernels/webgpu/rotary.ts), which reach `position`. */
export function rotaryAngles(theta: number, dim: number, position: number): RotaryAngles {
  return rotaryAnglesOf({ pairing: 'halves', theta, position, period: Infinity }, dim, 1);
}

/** [B, N, T, D] -> [B N, T, 1, D] */
function oneRowAToken(x: tf.Tensor4D): tf.Tensor4D {
  const [batch, heads, length, dim] = x.shape;
  return tf.reshape(x, [batch * heads, length, 1, dim]);
}

interface Rotation extends RotateOptions {
  readonly pairing: Pairing;
  readonly theta: number;
  readonly position: number;
  readonly period: number;
}

/** x [B, T, R, D]: R rows a token. */
const rotary = defineOp<{ x: tf.Tensor4D }, Rotation, tf.Tensor4D>({
  name: 'Rotary',
  reference: ({ x }, rotation) => {
    const [batch, length, rows, dim] = x.shape;
    const { scale = 1 } = rotation;
    const angles = anglesOfTokens(rotation, dim, length);
    const [cos, sin] = [angles.cos, angles.sin].map((table) => (scale === 1 ? table : tf.mul(table, scale))) as [
      tf.Tensor,
      tf.Tensor,
    ];
    if (rotation.pairing === 'halves') return rotateHalves(x, cos, sin);
    const pairs = tf.reshape(x, [batch, length, (rows * dim) / 2, 2]) as tf.Tensor4D;
    const [ofPairsCos, ofPairsSin] = [cos, sin].map((table) =>
      tf.reshape(tf.tile(table, [1, rows, 1]), [length, -1, 1]),
    );
    return tf.reshape(rotateHalves(pairs, ofPairsCos!, ofPairsSin!), x.shape);
  },
});

registerFusedKernel(rotary, 'webgpu', {
  forward: ({ x }, rotation) => rotateOnDevice(x, rotation, 1),
  gradient: (_, { packed: _packed, ...rotation }, dy) => ({ x: rotateOnDevice(dy, rotation, -1) }),
});

function rotateOnDevice(x: tf.Tensor4D, rotation: Rotation, direction: 1 | -1): tf.Tensor4D {
  const angles = rotaryAnglesOf(rotation, x.shape[3], x.shape[1]);
  if (rotation.period === Infinity) deviceBackend().holdsBelow(angles.positions);
  const { pairing, position, scale, packed } = rotation;
  const options = { pairing, position, direction, ...(scale !== undefined && { scale }), packs: packed ?? false };
  return rotatePairs(x, angles, options) as tf.Tensor4D;
}

/** Rotates the first half of the last dimension against the second. */
function rotateHalves(x: tf.Tensor4D, cos: tf.Tensor, sin: tf.Tensor): tf.Tensor4D {
  const [x1, x2] = tf.split(x, 2, 3) as [tf.Tensor4D, tf.Tensor4D];
  return tf.concat([tf.sub(tf.mul(x1, cos), tf.mul(x2, sin)), tf.add(tf.mul(x2, cos), tf.mul(x1, sin))], 3);
}

/** cos and sin [length, 1, dim/2] of the tokens from `position` on: of all blocks that they touch, by the addition theorem. */
function anglesOfTokens(rotation: Rotation, dim: number, length: number) {
  const { cos, sin, block } = rotaryAnglesOf(rotation, dim, length);
  const { position } = rotation;
  const first = Math.floor(position / block);
  const blocks = Math.floor((position + length - 1) / block) - first + 1;
  const fine = (table: tf.Tensor) => tf.reshape(tf.slice(table, [0, 0], [block, -1]), [1, block, dim / 2]);
  const coarse = (table: tf.Tensor) =>
    tf.reshape(tf.slice(table, [block + first, 0], [blocks, -1]), [blocks, 1, dim / 2]);
  const asked = (all: tf.Tensor) => {
    const rows = tf.reshape(all, [blocks * block, 1, dim / 2]);
    return tf.slice(rows, [position - first * block, 0, 0], [length, 1, dim / 2]);
  };
  return {
    cos: asked(tf.sub(tf.mul(fine(cos), coarse(cos)), tf.mul(fine(sin), coarse(sin)))),
    sin: asked(tf.add(tf.mul(fine(sin), coarse(cos)), tf.mul(fine(cos), coarse(sin)))),
  };
}

/** Coarse rows that tables have at least: 16,384 positions, so that what is recorded for a step holds long. */
const LEAST_COARSE = 64;

/** Tables that reach `length` positions on: one row for each block of them, and these double as sequences grow. */
function rotaryAnglesOf({ theta, position, period }: Rotation, dim: number, length: number): RotaryAngles {
  // Whole periods, so that coarse rows turn by nothing.
  const block = period === Infinity ? BLOCK : Math.ceil(BLOCK / period) * period;
  const coarse = Math.max(LEAST_COARSE, 2 ** Math.ceil(Math.log2((position + length) / block)));
  const positionOf = (row: number) => (row < block ? row % period : period === Infinity ? (row - block) * block : 0);
  const table = (name: string, f: (angle: number) => number) =>
    constant(`rotary/${name}/${theta}/${dim}/${period}/${coarse}`, () => {
      const positions = Float64Array.from({ length: block + coarse }, (_, row) => positionOf(row));
      return tf.tensor2d(rotaryTable(theta, dim, positions, f), [positions.length, dim / 2]);
    });
  return { cos: table('cos', Math.cos), sin: table('sin', Math.sin), block, positions: coarse * block };
}

/** f(position * theta^(-2i/dim)) [positions, dim/2] */
function rotaryTable(theta: number, dim: number, positions: Float64Array, f: (angle: number) => number): Float32Array {
  const half = dim / 2;
  const table = new Float32Array(positions.length * half);
  for (let i = 0; i < half; i++) {
    const frequency = theta ** ((-2 * i) / dim);
    for (const [row, position] of positions.entries()) table[row * half + i] = f(position * frequency);
  }
  return table;
}
