import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import {
  gatedLinearAttention,
  gatedLinearAttentionStep,
  type DecaySide,
  type GatedLinearAttentionInputs,
} from '../../src/ops/gated-linear-attention.js';
import { relativeDifference } from './differences.js';
import { gradientErrors, recurrence } from './linear-attention-recurrence.js';

const [KEYS, VALUES] = [8, 6];

/** g is uniform in (-gate, 0). */
function randomInputs(along: DecaySide, length: number, gate: number) {
  const normal = (seed: number, ...shape: [number, number, number, number]) =>
    tf.randomNormal<tf.Rank.R4>(shape, 0, 1, 'float32', seed);
  const dim = along === 'keys' ? KEYS : VALUES;
  return {
    q: normal(1, 2, 3, length, KEYS),
    k: normal(2, 2, 3, length, KEYS),
    v: normal(3, 2, 3, length, VALUES),
    logDecay: tf.randomUniform<tf.Rank.R4>([2, 3, length, dim], -gate, 0, 'float32', 4),
    state: normal(5, 2, 3, KEYS, VALUES),
  };
}

const byDefinition = (along: DecaySide) => async (inputs: GatedLinearAttentionInputs) => {
  const g = await inputs.logDecay.array();
  return recurrence(inputs, (b, n, t, key, value) => Math.exp(g[b]![n]![t]![along === 'keys' ? key : value]!));
};

for (const along of ['keys', 'values'] as const) {
  for (const [what, length, gate] of [
    ['of weak gates', 150, 0.1],
    ['of gates that forget all', 150, 200],
    ['over a power of two of tokens', 64, 1],
    ['over a token more', 65, 1],
    ['over three tokens', 3, 1],
    ['of one token', 1, 1],
  ] as const)
    test.serial(
      `linear attention with a decay along the ${along}, ${what}, in chunks, is its recurrence`,
      async (t) => {
        (await startEngine('wasm')).use();
        const inputs = randomInputs(along, length, gate);
        for (const given of [inputs, { ...inputs, state: null }]) {
          const { o, state } = gatedLinearAttention(given, along);
          const wanted = await byDefinition(along)(given);
          t.true(relativeDifference(await o.data(), wanted.o) < 2e-6);
          t.true(relativeDifference(await state.data(), wanted.state) < 2e-6);
        }
      },
    );

  test.serial(`the step form with a decay along the ${along} is the recurrence of one token`, async (t) => {
    (await startEngine('wasm')).use();
    const inputs = randomInputs(along, 1, 1);
    const { o, state } = gatedLinearAttentionStep(inputs, along);
    const wanted = await byDefinition(along)(inputs);
    t.true(relativeDifference(await o.data(), wanted.o) < 1e-6);
    t.true(relativeDifference(await state.data(), wanted.state) < 1e-6);
  });

  test.serial(`gradients with a decay along the ${along} are those of finite differences`, async (t) => {
    (await startEngine('wasm')).use();
    const attend = (inputs: GatedLinearAttentionInputs) => gatedLinearAttention(inputs, along);
    for (const length of [20, 70]) {
      const inputs = randomInputs(along, length, 0.2);
      for (const [name, error] of Object.entries(await gradientErrors(inputs, attend, byDefinition(along))))
        t.true(error < 1e-3, `${name}: ${error}`);
    }
  });
}
