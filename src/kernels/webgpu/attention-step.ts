// Windowed attention of the one token that a step generates, with its rotation and its place in the cache, f32. Keys and values lie
// in a ring: position p in slot p % capacity, so that a step moves nothing but the token's own key and value.
// Parts and threads as in attention-decode.ts, whose second kernel joins the parts. Every workgroup rotates its query and the new
// key, of 2 D numbers; those with the newest keys write it, once a head of keys. Bytes at best: keys and values in reach, once.
import type * as tf from '#tfjs';
import { attentionJoin, decodeParts, JOIN_THREADS, PART_THREADS, partWgsl } from './attention-decode.js';
import { bindingsWgsl, float, LOG2_E, sizesOf, type AttentionConstants } from './attention-sizes.js';
import { angleWgsl, BLOCK, type RotaryAngles } from './rotary.js';
import { positionWgsl, run, type Program } from './runner.js';

export interface StepTensors {
  /** The token's q, k and v side by side, not rotated: [B, (N + 2 Nkv) D]. */
  readonly qkv: tf.Tensor2D;
  /** [N] */
  readonly slopes: tf.Tensor;
  /** Of positions without a period; null where nothing is rotated. */
  readonly angles: RotaryAngles | null;
  /** [B, capacity, Nkv, D], which take the token's. */
  readonly keys: tf.Tensor4D;
  readonly values: tf.Tensor4D;
}

/** Whether there are kernels for heads of this size. */
export function hasStepKernels(dim: number): boolean {
  return dim % 4 === 0 && dim <= PART_THREADS;
}

/** -> o [B, N D]. The capacity is no more than the window: who is in the ring is in reach. */
export function attentionStep(
  { qkv, slopes, angles, keys, values }: StepTensors,
  { position, activation }: { readonly position: number; readonly activation: AttentionConstants['activation'] },
): tf.Tensor2D {
  const [batch, capacity, kvHeads, dim] = keys.shape;
  const heads = qkv.shape[1] / dim - 2 * kvHeads;
  const parts = decodeParts(capacity);
  const constants = { dim, activation };
  const uniforms = sizesOf({ q: { shape: [batch, 1, heads, dim] }, k: keys }, null);
  const sums = { shape: [batch * heads, parts, dim] };
  const inParts = run({
    program: partsProgram(constants, angles !== null),
    inputs: [qkv, slopes, ...(angles === null ? [] : [angles.cos, angles.sin])],
    outputs: activation === 'softmax' ? [sums, { shape: [batch * heads, parts, 2] }] : [sums],
    updates: [keys, values],
    uniforms,
    position,
    workgroups: [parts, heads, batch],
  });
  const [o] = run({
    program: attentionJoin(constants),
    inputs: inParts,
    outputs: [{ shape: [batch, heads * dim] }],
    uniforms,
    workgroups: [Math.ceil(dim / 4 / JOIN_THREADS), heads, batch],
  });
  for (const tensor of inParts) tensor.dispose();
  return o as tf.Tensor2D;
}

function partsProgram(constants: AttentionConstants, rotated: boolean): Program {
  const { dim, activation } = constants;
  return {
    key: `attention-step/${dim}/${activation}/${rotated ? 'rotated' : 'plain'}`,
    wgsl: () => partsText(constants, rotated),
  };
}

function partsText(constants: AttentionConstants, rotated: boolean): string {
  const { dim, activation } = constants;
  const inputs = { qkv: 'f32', slopes: 'f32', ...(rotated && { cosines: 'f32', sines: 'f32' }) };
  const outputs = { sums: 'vec4f', ...(activation === 'softmax' && { partStatistics: 'vec2f' }) };
  const half = dim / 2;
  const own = (name: string) => `vec4f(${[0, 1, 2, 3].map((i) => `${name}[4u * lane + ${i}u]`).join(', ')})`;
  const row = (token: string) => `keyHead + min(${token}, position) % sizes.keys * sizes.keyToken + lane`;
  return partWgsl(constants, {
    declarations: `
${bindingsWgsl(inputs, { ...outputs, keys: 'vec4f', values: 'vec4f' })}
${positionWgsl(Object.keys(inputs).length + Object.keys(outputs).length + 3)}
var<workgroup> newQuery: array<f32, ${dim}>;
var<workgroup> newKey: array<f32, ${dim}>;
var<workgroup> newValue: array<f32, ${dim}>;
${rotated ? angleWgsl('f32', half, `${BLOCK}u`) : ''}
// Element i of a head of the token, rotated.
fn rotated(base: u32, i: u32) -> f32 {
  ${
    rotated
      ? `let angle = angleAt(at.x, i % ${half}u);
  let other = qkv[base + (i + ${half}u) % ${dim}u];
  return qkv[base + i] * angle.c + select(other, -other, i < ${half}u) * angle.s;`
      : 'return qkv[base + i];'
  }
}`,
    beginning: `
  let head = group.y;
  let position = at.x;
  let ofKeys = head / sizes.group;
  let keyHead = keyHeadAt(group.z, ofKeys);
  let kvHeads = sizes.heads / sizes.group;
  let token = group.z * (sizes.heads + 2u * kvHeads) * ${dim}u;
  if (me < ${dim}u) {
    newQuery[me] = rotated(token + head * ${dim}u, me);
    newKey[me] = rotated(token + (sizes.heads + ofKeys) * ${dim}u, me);
    newValue[me] = qkv[token + (sizes.heads + kvHeads + ofKeys) * ${dim}u + me];
  }
  workgroupBarrier();
  let query = ${own('newQuery')} * ${float(LOG2_E / Math.sqrt(dim))};
  let reach = min(position + 1u, sizes.keys);
  let first = position + 1u - reach + group.x * keysPerPart();
  if (first <= position && position < first + keysPerPart() && head % sizes.group == 0u && me < ${dim / 4}u) {
    let slot = keyHead + position % sizes.keys * sizes.keyToken + lane;
    keys[slot] = ${own('newKey')};
    values[slot] = ${own('newValue')};
  }`,
    key: (token) => `select(keys[${row(token)}], ${own('newKey')}, ${token} >= position)`,
    value: (token) => `select(values[${row(token)}], ${own('newValue')}, ${token} >= position)`,
  });
}

export function samples(): Program[] {
  return [4, 64, 128].flatMap((dim) =>
    (['sigmoid', 'softmax'] as const).flatMap((activation) =>
      [true, false].map((rotated) => partsProgram({ dim, activation }, rotated)),
    ),
  );
}
