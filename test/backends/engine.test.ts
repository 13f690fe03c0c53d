import test from 'ava';
import { loadModel } from '../../src/index.js';

test.serial('two engines are started at once, and each model is on its own', async (t) => {
  const [wasm, cpu] = await Promise.all([
    loadModel('swat:tiny,seed=1', { backend: 'wasm' }),
    loadModel('swat:tiny,seed=1', { backend: 'cpu' }),
  ]);
  const [a, b] = await Promise.all([wasm.logits([[1, 2, 3]]), cpu.logits([[1, 2, 3]])]);
  a.data.forEach((value, i) => t.true(Math.abs(value - b.data[i]!) < 1e-4));
  const request = { context: [1, 2], continuation: [3] };
  const [[x], [y]] = await Promise.all([wasm.score([request]), cpu.score([request])]);
  t.true(Math.abs(x!.logprob - y!.logprob) < 1e-4);
  await wasm.dispose();
  await cpu.dispose();
});
