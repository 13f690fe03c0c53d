// Windowed attention of the one token that a step generates: its q and k are rotated, k and v take their place among the keys and
// values before it, and q attends to all of them. Formula as in windowed-attention.ts.
//   Keys and values lie in a ring: position p in slot p mod C. A ring that is shorter than the window must be grown before it is full.
import * as tf from '#tfjs';
import { attentionStep, hasStepKernels } from '../kernels/webgpu/attention-step.js';
import { deviceBackend } from '../kernels/webgpu/runner.js';
import { constant } from './constants.js';
import { defineOp, registerFusedKernel } from './op.js';
import { rotateTokens, rotaryAngles } from './rotary.js';

export interface AttentionStepInputs extends Record<string, tf.Tensor> {
  /** q, k and v of the token side by side, not rotated: [B, (N + 2 Nkv) D]. */
  qkv: tf.Tensor2D;
  /** [B, C, Nkv, D]. They may be changed in place. */
  keys: tf.Tensor4D;
  values: tf.Tensor4D;
}

export interface AttentionStepAttributes {
  /** Of the token. */
  readonly position: number;
  readonly heads: number;
  /** One a head, in the paper's sign; null = no position bias. */
  readonly slopes: readonly number[] | null;
  readonly activation: 'sigmoid' | 'softmax';
  /** Base of the rotary embedding; null = none. */
  readonly ropeTheta: number | null;
  /** The ring is as long as the window: its slots are written again and again. */
  readonly closed: boolean;
}

/** -> o [B, N D], and the keys and values with the token's. */
export const attendAsStep = defineOp<AttentionStepInputs, AttentionStepAttributes, tf.Tensor[]>({
  name: 'AttentionStep',
  reference: (inputs, attributes) => {
    const [batch, capacity, kvHeads, dim] = inputs.keys.shape;
    const { position, heads, activation, ropeTheta } = attributes;
    const sizes = [heads * dim, kvHeads * dim, kvHeads * dim];
    const [q, k, v] = tf.split(inputs.qkv, sizes, 1).map((x) => tf.reshape(x, [batch, 1, -1, dim]) as tf.Tensor4D) as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const place = (x: tf.Tensor4D) => (ropeTheta === null ? x : rotateTokens(x, ropeTheta, position));
    const own = Array.from({ length: capacity }, (_, slot) => Number(slot === position % capacity));
    const slot = tf.tensor4d(own, [1, capacity, 1, 1]);
    const written = (ring: tf.Tensor4D, x: tf.Tensor4D) => tf.add(tf.mul(ring, tf.sub(1, slot)), tf.mul(x, slot));
    const keys = written(inputs.keys, place(k));
    const values = written(inputs.values, v);
    const group = heads / kvHeads;
    const grouped = tf.reshape(tf.mul(place(q), dim ** -0.5), [batch, kvHeads, group, dim]);
    const logits = tf.reshape(tf.matMul(grouped, tf.transpose(keys, [0, 2, 3, 1])), [batch, heads, capacity]);
    const biased = tf.add(logits, slotBias(attributes, capacity));
    const weights = activation === 'sigmoid' ? tf.sigmoid(biased) : tf.softmax(biased);
    const o = tf.matMul(tf.reshape(weights, [batch, kvHeads, group, capacity]), tf.transpose(values, [0, 2, 1, 3]));
    return [tf.reshape(o, [batch, heads * dim]), keys, values];
  },
});

registerFusedKernel(attendAsStep, 'webgpu', {
  forward: (inputs, attributes) => {
    const { qkv, keys, values } = inputs;
    const [, capacity, , dim] = keys.shape;
    const { position, heads, activation, ropeTheta, closed } = attributes;
    if (!hasStepKernels(dim)) return attendAsStep.definition.reference(inputs, attributes);
    const perHead = attributes.slopes ?? new Array<number>(heads).fill(0);
    const slopes = constant(`slopes/${perHead.join()}`, () => tf.tensor1d([...perHead], 'float32'));
    const angles = ropeTheta === null ? null : rotaryAngles(ropeTheta, dim, position);
    if (!closed) deviceBackend().holdsBelow(capacity);
    if (angles !== null) deviceBackend().holdsBelow(angles.positions);
    return [attentionStep({ qkv, slopes, angles, keys, values }, { position, activation }), keys, values];
  },
});

/** Added to the logit of a slot that nothing is in: sigmoid and softmax of it are 0 in f32. */
const EMPTY = -1e9;

/** slope * distance for each slot, [heads or 1, C]. */
function slotBias({ position, slopes }: AttentionStepAttributes, capacity: number): tf.Tensor2D {
  const rows = (slopes ?? [0]).map((slope) =>
    Array.from({ length: capacity }, (_, slot) => {
      const distance = (((position - slot) % capacity) + capacity) % capacity;
      return distance > position ? EMPTY : slope * distance;
    }),
  );
  return tf.tensor2d(rows);
}
