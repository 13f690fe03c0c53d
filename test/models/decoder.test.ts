import * as tf from '#tfjs';
import test from 'ava';
import { assertFormsAgree, assertForkGoesOn, bytesOf, randomIds, startSpec } from './forms-agree.js';
import { largestDifference } from './golden-models.js';

const MODELS = [
  'swat:tiny,window=16',
  'swat:tiny,window=1',
  'swat:tiny,window=24,kv_heads=2,slopes=minus',
  'swat:tiny,window=16,activation=softmax,slopes=none',
  'swat:tiny,window=20,activation=softmax,slopes=plus,rope=off',
  'transformer:tiny',
  'transformer:tiny,window=16,kv_heads=1',
];
for (const spec of MODELS)
  test.serial(`${spec}: the step form and the form in two pieces agree with the parallel form`, async (t) => {
    const model = await startSpec(spec);
    await assertFormsAgree(t, model);
    model.dispose();
  });

test.serial('a forked state goes on as its row did', async (t) => {
  const model = await startSpec('swat:tiny,window=16');
  await assertForkGoesOn(t, model);
  model.dispose();
});

test.serial('a window as long as the sequence is full attention', async (t) => {
  const windowed = await startSpec('transformer:tiny,seed=3,window=130');
  const full = await startSpec('transformer:tiny,seed=3');
  const ids = randomIds(1, 130);
  const difference = largestDifference(
    await windowed.forward(ids).hidden.data(),
    await full.forward(ids).hidden.data(),
  );
  t.true(difference < 1e-5, String(difference));
  windowed.dispose();
  full.dispose();
});

test.serial('tokens beyond the reach of the layers change nothing', async (t) => {
  const model = await startSpec('swat:tiny,window=16');
  const reach = 1 + 2 * (16 - 1);
  const ids = randomIds(1, 100);
  const changed = tf.concat([tf.fill([1, 100 - reach], 7, 'int32'), tf.slice(ids, [0, 100 - reach], [1, reach])], 1);
  const last = async (x: tf.Tensor2D) => (await model.forward(x).hidden.array())[0]!.at(-1)!;
  t.true(largestDifference(await last(ids), await last(changed as tf.Tensor2D)) < 1e-6);
  t.true(
    largestDifference(
      await last(ids),
      await last(
        tf.concat(
          [tf.fill([1, 101 - reach], 7, 'int32'), tf.slice(ids, [0, 101 - reach], [1, reach - 1])],
          1,
        ) as tf.Tensor2D,
      ),
    ) > 1e-6,
  );
  model.dispose();
});

test.serial('a model that is disposed leaves no tensor behind', async (t) => {
  const run = async () => {
    const model = await startSpec('swat:tiny,window=16');
    const ids = randomIds(1, 50);
    const { hidden } = model.forward(ids);
    tf.dispose([ids, hidden]);
    model.dispose();
  };
  await run();
  const before = tf.memory().numTensors;
  await run();
  t.is(tf.memory().numTensors, before);
});

test.serial('the state is as large as its formula says, and stops growing at the window', async (t) => {
  const model = await startSpec('swat:tiny,window=16');
  for (const length of [1, 10, 60]) {
    const { state } = model.forward(randomIds(2, length), model.initialState(2));
    // The state waits for the next token, which will be in the window too.
    t.is(bytesOf(state.layers), model.stateBytes(2, Math.min(length, 15)));
  }
  t.is(model.stateBytes(1, 1000), 2 * 2 * 16 * 64 * 4);
  model.dispose();
});
