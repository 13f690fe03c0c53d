import * as tf from '#tfjs';
import test from 'ava';
import type { BackendName } from '../../src/backends/engine.js';
import type { Decoder } from '../../src/models/decoder.js';
import { GreedyDecoder } from '../../src/models/greedy-decoding.js';
import type { ModelState } from '../../src/models/language-model.js';
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

async function compare(
  spec: string,
  backend: BackendName,
  context: number,
  tokens: number,
): Promise<[number[], number[]]> {
  const model = await startSpec(spec, backend);
  model.engine.use();
  const { state } = model.forward(randomIds(2, context), model.initialState(2));
  const first = tf.tensor1d([3, 5], 'int32');
  const decoder = new GreedyDecoder(model);
  const decoded = await decoder.decode(state, first, tokens, 5);
  const stepped = await steppedIds(model, state, first, tokens);
  decoder.dispose();
  model.dispose();
  return [[...decoded], stepped];
}

const SPECS = [
  'swat:tiny,window=16',
  'transformer:tiny',
  'retnet:tiny',
  'gla:tiny',
  'gsa:tiny',
  'mamba:tiny',
  'mamba2:tiny',
  'delta_net:tiny',
  'gated_deltanet:tiny',
  'ttt:tiny',
  'titans:tiny',
];
for (const spec of SPECS)
  test.serial(`${spec} decodes on webgpu what its steps say`, async (t) => {
    if (!(await needsWebgpu(t))) return;
    const [decoded, stepped] = await compare(spec, 'webgpu', 20, 50);
    t.deepEqual(decoded, stepped);
  });
