import * as tf from '#tfjs';
import test from 'ava';
import { normaliseConfig } from '../../src/models/checkpoint/normalise-config.js';
import type { RawConfig } from '../../src/models/define-baseline.js';
import { UserError } from '../../src/user-error.js';
import { assertSameGradients } from './engines-agree.js';
import { assertFormsAgree, assertForkGoesOn, bytesOf, randomIds, startSpec } from './forms-agree.js';

const SPECS = ['titans:tiny', 'titans:tiny,chunk=1', 'titans:tiny,chunk=24,persistent_tokens=0,heads=4,conv_size=2'];

for (const spec of SPECS)
  test.serial(`${spec}: the step form and the form in two pieces agree with the parallel form`, async (t) => {
    const model = await startSpec(spec);
    await assertFormsAgree(t, model);
    model.dispose();
  });

test.serial('a forked memory goes on as its row did, within a chunk and between two', async (t) => {
  for (const spec of ['titans:tiny', 'titans:tiny,chunk=8']) {
    const model = await startSpec(spec);
    await assertForkGoesOn(t, model);
    model.dispose();
  }
});

test.serial(
  'the state is two matrices a head, a third within a chunk, and the inputs of the convolutions',
  async (t) => {
    const model = await startSpec('titans:tiny');
    for (const length of [1, 15, 16, 17, 48]) {
      const { state } = model.forward(randomIds(2, length), model.initialState(2));
      t.is(bytesOf(state.layers), model.stateBytes(2, length));
    }
    const [heads, dim, layers] = [2, 32, 2];
    t.is(model.stateBytes(1, 4096), layers * 4 * (2 * heads * dim * dim + 3 * 3 * heads * dim));
    t.is(model.stateBytes(1, 4097), layers * 4 * (3 * heads * dim * dim + 3 * 3 * heads * dim));
    model.dispose();
  },
);

test.serial('wasm computes the loss and gradients of cpu', (t) => assertSameGradients(t, 'titans:tiny', 'wasm'));

test.serial('the memory stays bounded over a long text', async (t) => {
  const model = await startSpec('titans:tiny');
  const { hidden, state } = model.forward(randomIds(1, 2000), model.initialState(1));
  t.true((await hidden.data()).every(Number.isFinite));
  const { memory } = state.layers[1] as { memory: tf.Tensor };
  t.true((await tf.max(tf.abs(memory)).data())[0]! < 100);
  model.dispose();
});

const tiny = { model_type: 'titans', vocab_size: 128, hidden_size: 64, num_hidden_layers: 2 };
const read = (keys: RawConfig) => normaliseConfig({ ...tiny, ...keys }, 'dir/config.json');

test('what the paper leaves open has a default', (t) => {
  t.like(read({}), { heads: 8, headDim: 8, chunk: 16, convSize: 4, thetaMax: 1 / 16, alphaInit: 0.01 });
  t.is((read({ chunk_size: 4 }) as unknown as { thetaMax: number }).thetaMax, 1 / 4);
});

for (const [keys, complaint] of [
  [{ num_heads: 7 }, /hidden size of 64 does not divide into 7 heads/],
  [{ gate_activation: 'tanh' }, /"gate_activation" is "tanh", expected sigmoid/],
  [{ memory_init: 'learned' }, /"memory_init" is "learned", expected zeros/],
  [{ alpha_init: 1 }, /"alpha_init" is 1, expected less than 1/],
  [{ rope_theta: 10000 }, /"rope_theta" is 10000, a setting that is not supported/],
  [{ memory_depth: 2 }, /"memory_depth" is 2, a setting that is not supported/],
] as const)
  test(`${JSON.stringify(keys)} is refused`, (t) => {
    t.throws(() => read(keys as unknown as RawConfig), { instanceOf: UserError, message: complaint });
  });
