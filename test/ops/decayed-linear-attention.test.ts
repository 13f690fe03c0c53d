import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import {
  decayedLinearAttention,
  decayedLinearAttentionStep,
  type DecayedLinearAttentionInputs,
} from '../../src/ops/decayed-linear-attention.js';
import { relativeDifference } from './differences.js';
import { gradientErrors, recurrence } from './linear-attention-recurrence.js';

interface Setting {
  groups: number;
  length: number;
  /** g is uniform in (-gate, 0). */
  gate: number;
}

const HEADS = 4;

function randomInputs({ groups, length, gate }: Setting) {
  const normal = (seed: number, ...shape: [number, number, number, number]) =>
    tf.randomNormal<tf.Rank.R4>(shape, 0, 1, 'float32', seed);
  return {
    q: normal(1, 2, groups, length, 8),
    k: normal(2, 2, groups, length, 8),
    v: normal(3, 2, HEADS, length, 6),
    logDecay: tf.randomUniform<tf.Rank.R3>([2, HEADS, length], -gate, 0, 'float32', 4),
    state: normal(5, 2, HEADS, 8, 6),
  };
}

async function byDefinition({ q, k, v, logDecay, state }: DecayedLinearAttentionInputs) {
  const perHead = (x: tf.Tensor4D) => {
    const shared = HEADS / x.shape[1];
    const heads = Array.from({ length: HEADS }, (_, head) => Math.floor(head / shared));
    return tf.gather(x, tf.tensor1d(heads, 'int32'), 1);
  };
  const g = await logDecay.array();
  return recurrence({ q: perHead(q), k: perHead(k), v, state }, (b, n, t) => Math.exp(g[b]![n]![t]!));
}

const CASES: [what: string, setting: Setting][] = [
  ['with a weak decay', { groups: HEADS, length: 150, gate: 0.1 }],
  ['with heads that share q and k', { groups: 2, length: 150, gate: 1 }],
  ['with one q and k for all heads', { groups: 1, length: 65, gate: 1 }],
  ['with a decay that forgets all', { groups: HEADS, length: 150, gate: 200 }],
  ['of one token', { groups: 2, length: 1, gate: 1 }],
];

for (const [what, setting] of CASES)
  test.serial(`linear attention with a decay a head, ${what}, in chunks, is its recurrence`, async (t) => {
    (await startEngine('wasm')).use();
    for (const inputs of [randomInputs(setting), { ...randomInputs(setting), state: null }]) {
      const { o, state } = decayedLinearAttention(inputs);
      const wanted = await byDefinition(inputs);
      t.true(relativeDifference(await o.data(), wanted.o) < 2e-6);
      t.true(relativeDifference(await state.data(), wanted.state) < 2e-6);
    }
  });

test.serial('the step form is the recurrence of one token', async (t) => {
  (await startEngine('wasm')).use();
  const inputs = randomInputs({ groups: 2, length: 1, gate: 1 });
  const { o, state } = decayedLinearAttentionStep(inputs);
  const wanted = await byDefinition(inputs);
  t.true(relativeDifference(await o.data(), wanted.o) < 1e-6);
  t.true(relativeDifference(await state.data(), wanted.state) < 1e-6);
});

test.serial('gradients flow to all inputs, and are those of finite differences', async (t) => {
  (await startEngine('wasm')).use();
  for (const length of [20, 70]) {
    const inputs = randomInputs({ groups: 2, length, gate: 0.2 });
    for (const [name, error] of Object.entries(await gradientErrors(inputs, decayedLinearAttention, byDefinition)))
      t.true(error < 1e-3, `${name}: ${error}`);
  }
});
