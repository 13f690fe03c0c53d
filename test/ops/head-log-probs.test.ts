import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { logSumExp } from '../../src/ops/head-log-probs.js';

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
        const found = await logSumExp(tf.tensor2d(row.logits, [1, vocabulary])).data();
        t.true(Math.abs(found[0]! - row.logSumExp) < 2e-5, `${found[0]} for ${row.logSumExp}`);
      },
    );
