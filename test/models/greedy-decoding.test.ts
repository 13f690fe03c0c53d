import * as tf from '#tfjs';
import test, { type ExecutionContext } from 'ava';
import type { BackendName } from '../../src/backends/engine.js';
import type { Decoder } from '../../src/models/decoder.js';
import { GreedyDecoder } from '../../src/models/greedy-decoding.js';
import type { ModelState } from '../../src/models/language-model.js';
import { formsDuring } from '../../src/ops/op.js';
import { needsWebgpu } from '../webgpu.js';
import { randomIds, startSpec } from './forms-agree.js';

/** Ids by one step after the other, each read back. */
async function steppedIds(model: Decoder, start: ModelState, first: tf.Tensor1D, tokens: number): Promise<number[]> {
  const ones = new Array<number>(first.size).fill(1);
  let [ids, state] = [first, model.fork(start, ones)];
  const decoded: number[] = [];
  for (let token = 0; token < tokens; token++) {
    const step = model.step(ids, state);
    ids = tf.argMax(model.logits(step.hidden), 1);
    ({ state } = step);
    decoded.push(...(await ids.data()));
  }
  return decoded;
}

/** Of two rows behind a context of 12 tokens; twice, since the second time begins with what the first one recorded. */
async function assertDecodes(t: ExecutionContext, spec: string, backend: BackendName, tokens: number): Promise<void> {
  const model = await startSpec(spec, backend);
  const { state } = model.forward(randomIds(2, 12), model.initialState(2));
  const first = tf.tensor1d([3, 5], 'int32');
  const stepped = await steppedIds(model, state, first, tokens);
  const held = () => ({ tensors: tf.memory().numTensors, bytes: model.memory().usedBytes });
  const before = held();
  const decoder = new GreedyDecoder(model);
  t.deepEqual([...(await decoder.decode(state, first, tokens, 5))], stepped);
  const { value: again, forms } = await formsDuring(() => decoder.decode(state, first, tokens, 3));
  t.deepEqual([...again], stepped);
  if (backend === 'webgpu') t.is(forms.size, 0, 'an op was computed where its dispatches were to be replayed');
  decoder.dispose();
  t.deepEqual(held(), before);
  model.dispose();
}

/** Mini-batches and windows are shorter than the context, so that cycles repeat within few tokens. */
const SPECS = {
  'swat:tiny,layers=1,window=8': 12,
  'retnet:tiny,layers=1': 8,
  'ttt:tiny,layers=1,mini_batch=4': 18,
  'titans:tiny,layers=1,chunk=4': 18,
};
for (const [spec, tokens] of Object.entries(SPECS))
  test.serial(`${spec} decodes on webgpu what its steps say`, async (t) => {
    if (await needsWebgpu(t)) await assertDecodes(t, spec, 'webgpu', tokens);
  });

test.serial('a cache that grows is recorded anew', async (t) => {
  if (!(await needsWebgpu(t))) return;
  const model = await startSpec('transformer:tiny,layers=1', 'webgpu');
  const { state } = model.forward(randomIds(2, 250), model.initialState(2));
  const first = tf.tensor1d([3, 5], 'int32');
  const decoded = await new GreedyDecoder(model).decode(state, first, 14, 20);
  t.deepEqual([...decoded], await steppedIds(model, state, first, 14));
  model.dispose();
});

test.serial('an engine that computes at once decodes what its steps say', async (t) => {
  await assertDecodes(t, 'swat:tiny,window=8', 'wasm', 12);
});
