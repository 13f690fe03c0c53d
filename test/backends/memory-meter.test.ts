import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { memoryDuring } from '../../src/backends/memory-meter.js';

test.serial('the peak counts data once, what was there before, and nothing that is gone', async (t) => {
  (await startEngine('wasm')).use();
  const weights = tf.zeros([1000]);
  const before = tf.memory().numBytes;
  const { memory } = await memoryDuring(async () => {
    for (let i = 0; i < 3; i++)
      tf.tidy(() => {
        const x = tf.add(weights, i);
        tf.reshape(x, [10, 100]);
        x.dispose();
      });
  });
  t.is(memory.peakBytes - before, 4000 + 4);
  t.true(memory.heldBytes >= memory.peakBytes);
  weights.dispose();
});
