import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import type { Decoder } from '../../src/models/decoder.js';
import { openModel, startModel } from '../../src/models/load-language-model.js';
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
const LENGTHS = [1, 2, 15, 16, 17, 63, 64, 65, 130];
const VOCABULARY = 257;

async function start(spec: string): Promise<Decoder> {
  return (await startModel(await openModel(spec), await startEngine('wasm'))).model;
}

function randomIds(rows: number, length: number): tf.Tensor2D {
  let seed = 17 * rows + length;
  const next = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % VOCABULARY;
  return tf.tensor2d(Int32Array.from({ length: rows * length }, next), [rows, length], 'int32');
}

for (const spec of MODELS) {
  test.serial(`${spec}: the step form and the form in two pieces agree with the parallel form`, async (t) => {
    const model = await start(spec);
    for (const length of LENGTHS) {
      const ids = randomIds(2, length);
      const whole = await model.forward(ids).hidden.array();

      const cut = Math.ceil(length / 3);
      const first = model.forward(tf.slice(ids, [0, 0], [2, cut]), model.initialState(2));
      const parts = [await first.hidden.array()];
      if (cut < length)
        parts.push(await model.forward(tf.slice(ids, [0, cut], [2, length - cut]), first.state).hidden.array());
      for (const row of [0, 1])
        t.true(
          largestDifference(parts.flatMap((part) => part[row]!).flat(), whole[row]!.flat()) < 1e-4,
          `two pieces, row ${row} of length ${length}`,
        );

      let state = model.initialState(2);
      for (let position = 0; position < length; position++) {
        const next = tf.reshape(tf.slice(ids, [0, position], [2, 1]), [2]) as tf.Tensor1D;
        const step = model.step(next, state);
        state = step.state;
        const hidden = await step.hidden.array();
        for (const row of [0, 1])
          t.true(
            largestDifference(hidden[row]!, whole[row]![position]!) < 1e-4,
            `step ${position} of length ${length}`,
          );
      }
    }
    model.dispose();
  });
}

test.serial('a forked state goes on as its row did', async (t) => {
  const model = await start('swat:tiny,window=16');
  const { state } = model.forward(randomIds(2, 40), model.initialState(2));
  const forked = model.fork(state, [2, 1]);
  const next = randomIds(3, 5);
  const together = await model.forward(next, forked).hidden.array();
  for (const [row, source] of [0, 0, 1].entries()) {
    const copies = source === 0 ? [1, 0] : [0, 1];
    const alone = await model.forward(tf.slice(next, [row, 0], [1, 5]), model.fork(state, copies)).hidden.array();
    t.true(largestDifference(together[row]!.flat(), alone[0]!.flat()) < 1e-5);
  }
  model.dispose();
});

test.serial('a window as long as the sequence is full attention', async (t) => {
  const windowed = await start('transformer:tiny,seed=3,window=130');
  const full = await start('transformer:tiny,seed=3');
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
  const model = await start('swat:tiny,window=16');
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
    const model = await start('swat:tiny,window=16');
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
  const model = await start('swat:tiny,window=16');
  for (const length of [1, 10, 60]) {
    const { state } = model.forward(randomIds(2, length), model.initialState(2));
    const kept = state.layers.flatMap((layer) => Object.values(layer as Record<string, tf.Tensor>));
    // The state waits for the next token, which will be in the window too.
    const bytes = kept.reduce((sum, tensor) => sum + 4 * tensor.size, 0);
    t.is(bytes, model.stateBytes(2, Math.min(length, 15)));
  }
  t.is(model.stateBytes(1, 1000), 2 * 2 * 16 * 64 * 4);
  model.dispose();
});
