import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { summarise } from '../../src/ops/head-log-probs.js';

/** One token that the model is sure of before a tail of unlikely ones. */
function sureRow(vocabulary: number, lead: number): { logits: Float32Array; logSumExp: number } {
  const logits = new Float32Array(vocabulary);
  logits[7] = lead;
  return { logits, logSumExp: lead + Math.log1p((vocabulary - 1) * Math.exp(-lead)) };
}

for (const vocabulary of [257, 32000, 50257])
  for (const backend of ['wasm', 'cpu'] as const)
    test.serial(
      `log sum exp over ${vocabulary} tokens keeps the tail that a running sum in f32 would lose, on ${backend}`,
      async (t) => {
        (await startEngine(backend)).use();
        const row = sureRow(vocabulary, 17);
        const found = await summarise(tf.tensor2d(row.logits, [1, vocabulary])).logSumExp.data();
        t.true(Math.abs(found[0]! - row.logSumExp) < 2e-5, `${found[0]} for ${row.logSumExp}`);
      },
    );

for (const backend of ['wasm', 'cpu'] as const)
  test.serial(
    `the argmax of a row is the lowest id among the largest, in whatever block it lies, on ${backend}`,
    async (t) => {
      (await startEngine(backend)).use();
      const width = 1111;
      const places = [[0], [1110], [5, 600], [600, 601], [1109, 1110]];
      const logits = tf.tensor2d(
        places.map((largest) => Array.from({ length: width }, (_, id) => (largest.includes(id) ? -2 : -3))),
      );
      t.deepEqual(
        [...(await summarise(logits).argMax.data())],
        places.map(([lowest]) => lowest!),
      );
    },
  );
