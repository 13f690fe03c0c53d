import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { AdamWOptimizer } from '../../src/models/adamw-optimizer.js';
import { Parameters } from '../../src/models/parameters.js';
import { needsWebgpu } from '../webgpu.js';

const SETTINGS = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradNorm: 1 };

for (const backend of ['wasm', 'webgpu'] as const)
  test.serial(`steps move the weights against their gradients and leave no tensor behind on ${backend}`, async (t) => {
    if (backend === 'webgpu' && !(await needsWebgpu(t))) return;
    (await startEngine(backend)).use();
    const before = tf.memory().numTensors;
    const weights = new Parameters();
    weights.set('w', new Float32Array([1, -1, 2]), [3]);
    const optimizer = new AdamWOptimizer(weights, { ...SETTINGS, decayed: () => true });
    for (let step = 0; step < 3; step++) {
      const gradient = tf.tensor1d([0.1, -0.1, 0.2]);
      const gradients = new Map([['w', gradient]]);
      const norm = optimizer.gradientNorm(gradients);
      optimizer.step(gradients, 1e-5, (await norm.data())[0]!);
      tf.dispose([gradient, norm]);
    }
    const [a, b, c] = await weights.get('w').data();
    t.true(a! < 1 && a! > 0.9999 && b! > -1 && b! < -0.9999 && c! < 2 && c! > 1.9999, `${a}, ${b}, ${c}`);
    optimizer.dispose();
    weights.dispose();
    t.is(tf.memory().numTensors, before);
  });
