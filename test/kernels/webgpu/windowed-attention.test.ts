import * as tf from '#tfjs';
import test, { type ExecutionContext } from 'ava';
import { packedAlone, packedOf } from '../../../src/kernels/webgpu/half-tensor.js';
import { F16_KERNELS, forwardWith, gradientWith } from '../../../src/kernels/webgpu/windowed-attention.js';
import { windowedAttention } from '../../../src/ops/windowed-attention.js';
import type { WindowedAttentionAttributes, WindowedAttentionInputs } from '../../../src/ops/windowed-attention.js';
import { relativeDifference } from '../../ops/differences.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { runEmulated } from './emulated-tensor-cores.js';

interface Shape {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly dim: number;
  readonly window: number | null;
}

const SHAPES: readonly [string, Shape][] = [
  ['one token', { batch: 1, heads: 2, kvHeads: 2, queries: 1, keys: 1, dim: 4, window: 8 }],
  ['a short text', { batch: 2, heads: 2, kvHeads: 1, queries: 17, keys: 17, dim: 8, window: 32 }],
  ['a window within a text', { batch: 2, heads: 4, kvHeads: 2, queries: 65, keys: 65, dim: 16, window: 20 }],
  ['full attention', { batch: 1, heads: 2, kvHeads: 2, queries: 130, keys: 130, dim: 12, window: null }],
  ['a window of one', { batch: 1, heads: 1, kvHeads: 1, queries: 40, keys: 40, dim: 4, window: 1 }],
  ['keys from before', { batch: 2, heads: 2, kvHeads: 1, queries: 33, keys: 85, dim: 16, window: 48 }],
  ['keys out of every reach', { batch: 1, heads: 2, kvHeads: 2, queries: 9, keys: 150, dim: 4, window: 7 }],
  ['heads of 64', { batch: 1, heads: 2, kvHeads: 1, queries: 70, keys: 70, dim: 64, window: 50 }],
  ['heads of 128', { batch: 1, heads: 1, kvHeads: 1, queries: 40, keys: 50, dim: 128, window: 30 }],
  ['heads of no fused size', { batch: 1, heads: 1, kvHeads: 1, queries: 20, keys: 20, dim: 6, window: 10 }],
  ['a token after a window', { batch: 3, heads: 4, kvHeads: 2, queries: 1, keys: 200, dim: 16, window: 150 }],
  ['a few tokens after many', { batch: 1, heads: 2, kvHeads: 2, queries: 5, keys: 300, dim: 64, window: null }],
  ['a token after thousands', { batch: 1, heads: 1, kvHeads: 1, queries: 2, keys: 5000, dim: 8, window: null }],
];

const SLOPES = [0.5, -0.25, 0.125, -0.03125];

function inputsOf({ batch, heads, kvHeads, queries, keys, dim }: Shape): WindowedAttentionInputs {
  const normal = (shape: [number, number, number, number], seed: number) =>
    tf.randomNormal<tf.Rank.R4>(shape, 0, 1, 'float32', seed);
  return {
    q: normal([batch, queries, heads, dim], 1),
    k: normal([batch, keys, kvHeads, dim], 2),
    v: normal([batch, keys, kvHeads, dim], 3),
  };
}

type Attention = (inputs: WindowedAttentionInputs, attributes: WindowedAttentionAttributes) => tf.Tensor4D;

/** o, and dq, dk, dv for a random dO. */
async function valueAndGradients(
  attention: Attention,
  { q, k, v }: WindowedAttentionInputs,
  attributes: WindowedAttentionAttributes,
): Promise<Float32Array[]> {
  const { value, grads } = tf.valueAndGrads((q, k, v) => attention({ q, k, v } as WindowedAttentionInputs, attributes))(
    [q, k, v],
    outputGradient(q),
  );
  return Promise.all([value, ...grads].map((tensor) => tensor.data() as Promise<Float32Array>));
}

function outputGradient(q: tf.Tensor4D): tf.Tensor4D {
  return tf.randomNormal<tf.Rank.R4>(q.shape, 0, 1, 'float32', 4);
}

/** Differences relative to what is wanted, or to a hundredth of a normal tensor where that vanishes. */
function compare(t: ExecutionContext, found: readonly Float32Array[], wanted: readonly Float32Array[]): void {
  for (const [i, output] of ['o', 'dq', 'dk', 'dv'].entries()) {
    const bound = i === 0 ? 1e-5 : 1e-4;
    const padding = new Float32Array(wanted[i]!.length).fill(0.01);
    const difference = relativeDifference([...found[i]!, ...padding], [...wanted[i]!, ...padding]);
    t.true(difference < bound, `${output} differs by ${difference}`);
  }
}

function attributesOf({ window, heads }: Shape, activation: 'sigmoid' | 'softmax'): WindowedAttentionAttributes {
  return { window, slopes: window === null ? null : SLOPES.slice(0, heads), activation };
}

for (const [name, shape] of SHAPES)
  for (const activation of ['sigmoid', 'softmax'] as const)
    test.serial(`${activation} attention over ${name}: the fused kernels give what the reference gives`, async (t) => {
      if (!(await needsAdverseWebgpu(t))) return;
      const attributes = attributesOf(shape, activation);
      const inputs = inputsOf(shape);
      const wanted = await valueAndGradients(windowedAttention.definition.reference, inputs, attributes);
      compare(t, await valueAndGradients(windowedAttention, inputs, attributes), wanted);
    });

const TENSOR_CORE_SHAPES: readonly [string, Shape][] = [
  ['full attention', { batch: 1, heads: 2, kvHeads: 1, queries: 75, keys: 75, dim: 16, window: null }],
  ['a window over several tiles', { batch: 2, heads: 2, kvHeads: 1, queries: 140, keys: 140, dim: 16, window: 70 }],
  ['keys from before', { batch: 1, heads: 2, kvHeads: 2, queries: 17, keys: 150, dim: 32, window: 60 }],
  ['heads of 80', { batch: 1, heads: 1, kvHeads: 1, queries: 40, keys: 45, dim: 80, window: 33 }],
];

for (const [name, shape] of TENSOR_CORE_SHAPES)
  for (const activation of ['sigmoid', 'softmax'] as const)
    test.serial(`${activation} attention over ${name}: the tensor-core kernels, emulated, are right`, async (t) => {
      if (!(await needsAdverseWebgpu(t))) return;
      const attributes = attributesOf(shape, activation);
      const inputs = inputsOf(shape);
      const wanted = await valueAndGradients(windowedAttention.definition.reference, inputs, attributes);
      compare(t, await emulatedValueAndGradients(inputs, attributes), wanted);
    });

for (const activation of ['sigmoid', 'softmax'] as const)
  for (const packed of [['q', 'k', 'v'], ['q']] as const)
    test.serial(
      `${activation} attention of packed ${packed.join(', ')}, emulated, is that of the same numbers`,
      async (t) => {
        if (!(await needsAdverseWebgpu(t))) return;
        const shape: Shape = { batch: 2, heads: 2, kvHeads: 1, queries: 140, keys: 140, dim: 16, window: 70 };
        const attributes = attributesOf(shape, activation);
        const slopes = tf.tensor1d([...attributes.slopes!]);
        const inputs = inputsOf(shape);
        type Heads = { -readonly [Name in 'q' | 'k' | 'v']: tf.Tensor4D };
        const [mixed, rounded]: [Heads, Heads] = [{ ...inputs }, { ...inputs }];
        for (const name of packed) {
          mixed[name] = packedAlone(tf.mul(inputs[name], 1) as tf.Tensor4D);
          rounded[name] = tf.tensor4d((await mixed[name].data()) as Float32Array, inputs[name].shape);
        }
        const wanted = await windowedAttention.definition.reference(rounded, attributes).data();
        const o = forwardWith(F16_KERNELS, { ...mixed, slopes }, attributes, runEmulated);
        t.truthy(packedOf(o));
        t.true(relativeDifference(await o.data(), wanted) < 3e-4); // the rounding of o
      },
    );

function emulatedValueAndGradients(
  { q, k, v }: WindowedAttentionInputs,
  attributes: WindowedAttentionAttributes,
): Promise<Float32Array[]> {
  const heads = q.shape[2];
  const tensors = { q, k, v, slopes: tf.tensor1d([...(attributes.slopes ?? new Array<number>(heads).fill(0))]) };
  const o = forwardWith(F16_KERNELS, tensors, attributes, runEmulated);
  const gradients = gradientWith(F16_KERNELS, tensors, attributes, outputGradient(q), runEmulated);
  return Promise.all(
    [o, gradients.q, gradients.k, gradients.v].map((tensor) => tensor.data() as Promise<Float32Array>),
  );
}

for (const precision of ['f32', 'emulated f16'] as const)
  test.serial(`softmax attention in ${precision} meets large logits wherever they come`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const { q, k, v } = inputsOf({ batch: 1, heads: 1, kvHeads: 1, queries: 90, keys: 90, dim: 16, window: null });
    const louder = tf.mul(k, tf.reshape(tf.linspace(0, 30, 90), [1, 90, 1, 1])) as tf.Tensor4D;
    const inputs = { q, k: louder, v };
    const attributes = { window: 80, slopes: null, activation: 'softmax' as const };
    const wanted = await windowedAttention.definition.reference(inputs, attributes).data();
    const [found] =
      precision === 'f32'
        ? [await windowedAttention(inputs, attributes).data()]
        : await emulatedValueAndGradients(inputs, attributes);
    t.true(relativeDifference(found!, wanted) < 1e-4);
  });

test.serial('the fused kernels give the same bits each time', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const inputs = inputsOf({ batch: 1, heads: 2, kvHeads: 1, queries: 50, keys: 60, dim: 16, window: 32 });
  const attributes = { window: 32, slopes: null, activation: 'softmax' as const };
  const first = await valueAndGradients(windowedAttention, inputs, attributes);
  t.deepEqual(await valueAndGradients(windowedAttention, inputs, attributes), first);
});
