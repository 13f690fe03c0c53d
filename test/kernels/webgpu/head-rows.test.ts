import * as tf from '#tfjs';
import test, { type ExecutionContext } from 'ava';
import { startEngine, type BackendName } from '../../../src/backends/engine.js';
import { crossEntropy } from '../../../src/ops/cross-entropy.js';
import { scoreRows } from '../../../src/kernels/webgpu/head-rows.js';
import { headLogProbs, rowsPerTile, tilesOf } from '../../../src/ops/head-log-probs.js';
import { relativeDifference } from '../../ops/differences.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { assertFusedAgrees, randomValues } from './fused-agrees.js';

/** Hidden states whose logits are the rows themselves: the head is the identity. */
async function score(backend: BackendName, rows: number[][], targets: number[]) {
  (await startEngine(backend)).use();
  const width = rows[0]!.length;
  const { logprob, greedy } = headLogProbs(tf.tensor2d(rows), tf.eye(width), tf.tensor1d(targets, 'int32'));
  return { logprob: await logprob.data(), greedy: [...(await greedy.data())] };
}

for (const [rows, width, vocabulary] of [
  [1, 8, 3],
  [17, 16, 259],
  [130, 12, 1024],
] as const) {
  const hidden = randomValues([rows, width], 1, 3);
  const weight = randomValues([vocabulary, width], 2, 2);
  const ids = randomValues([rows], 3).values.map((x) => Math.floor(Math.abs(x) * vocabulary));

  test.serial(`${rows} rows over ${vocabulary} tokens are scored as by the formula on webgpu`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const scores = async (backend: BackendName) => {
      (await startEngine(backend)).use();
      const [h, w] = [hidden, weight].map(({ values, shape }) => tf.tensor2d(values, shape as [number, number]));
      const { logprob, greedy } = headLogProbs(h!, w!, tf.tensor1d(ids, 'int32'));
      return { logprob: await logprob.data(), greedy: [...(await greedy.data())] };
    };
    const [found, wanted] = [await scores('webgpu'), await scores('cpu')];
    const off = relativeDifference(found.logprob, wanted.logprob);
    t.true(off < 2e-6, `off by ${off}`);
    t.deepEqual(found.greedy, wanted.greedy);
  });

  test.serial(`the cross-entropy of ${rows} rows over ${vocabulary} tokens is as its formula on webgpu`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    await assertFusedAgrees(
      t,
      'cross-entropy',
      (hidden, weight) =>
        crossEntropy(
          { hidden: hidden as tf.Tensor2D, weight: weight as tf.Tensor2D },
          { targets: tf.keep(tf.tensor1d(ids, 'int32')) },
        ),
      [hidden, weight],
    );
  });
}

test.serial('each tile of rows is scored in its place', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const targets = tf.tensor1d([2, 0, 1, 2, 2], 'int32');
  const scores = tf.zeros<tf.Rank.R2>([2, 5]);
  // Of token v the probability is (v + 1) / 6.
  const likely = Array.from({ length: 3 }, (_, v) => Math.log((v + 1) / 6));
  for (const { start, size } of tilesOf(5, 2))
    scoreRows({ logits: tf.tile(tf.tensor2d([likely]), [size, 1]), targets, start }, scores);
  const [logprob, greedy] = await scores.array();
  t.true(
    relativeDifference(
      logprob!,
      [2, 0, 1, 2, 2].map((v) => likely[v]!),
    ) < 1e-6,
  );
  t.deepEqual(greedy, [1, 0, 0, 1, 1]);
});

test('a tile has whole products of rows where it has many', (t) => {
  t.is(rowsPerTile(32000), 256);
  t.is(rowsPerTile(2 ** 18), 32);
  t.is(rowsPerTile(2 ** 24), 1);
});

test.serial('of tied logits the lowest id is the argmax', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const tied = [0, 5, 1, 5, 5];
  const greedy = async (target: number) => (await score('webgpu', [tied], [target])).greedy[0];
  t.deepEqual(await Promise.all([greedy(1), greedy(3), greedy(0)]), [1, 0, 0]);
});

test.serial('the tail of a vocabulary is not lost beside one large logit, and padding counts nothing', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  await assertTail(t, 4096, 17);
  const { logprob } = await score('webgpu', [[0, -1e9, -1e30, 0]], [3]);
  t.true(Math.abs(logprob[0]! + Math.log(2)) < 1e-6);
});

async function assertTail(t: ExecutionContext, vocabulary: number, lead: number) {
  (await startEngine('webgpu')).use();
  const weight = new Float32Array(vocabulary);
  weight[7] = lead;
  const { logprob } = headLogProbs(tf.ones([1, 1]), tf.tensor2d(weight, [vocabulary, 1]), tf.tensor1d([7], 'int32'));
  const wanted = -Math.log1p((vocabulary - 1) * Math.exp(-lead));
  t.true(Math.abs((await logprob.data())[0]! - wanted) < 2e-6);
}
