import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { createAdamW } from '../../src/bench/adamw.js';
import { Parameters } from '../../src/models/parameters.js';
import { needsWebgpu } from '../webgpu.js';

for (const backend of ['wasm', 'webgpu'] as const)
  test.serial(`steps move the weights against their gradients and leave no tensor behind on ${backend}`, async (t) => {
    if (backend === 'webgpu' && !(await needsWebgpu(t))) return;
    (await startEngine(backend)).use();
    const before = tf.memory().numTensors;
    const weights = new Parameters();
    weights.set('w', new Float32Array([1, -1, 2]), [3]);
    const optimizer = createAdamW(weights, () => true);
    for (let step = 0; step < 3; step++) {
      const gradient = tf.tensor1d([0.1, -0.1, 0.2]);
      optimizer.step(new Map([['w', gradient]]));
      gradient.dispose();
    }
    const [a, b, c] = await weights.get('w').data();
    t.true(a! < 1 && a! > 0.9999 && b! > -1 && b! < -0.9999 && c! < 2 && c! > 1.9999, `${a}, ${b}, ${c}`);
    optimizer.dispose();
    weights.dispose();
    t.is(tf.memory().numTensors, before);
  });
