import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import { gelu } from '../../../src/ops/gelu.js';
import { silu } from '../../../src/ops/silu.js';
import { biasedSoftplus, logSigmoid, softplus } from '../../../src/ops/softplus.js';
import { swiGlu } from '../../../src/ops/swiglu.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { assertFusedAgrees, randomValues } from './fused-agrees.js';

for (const shape of [[1], [3, 17], [2, 65, 8], [300, 1024]])
  test.serial(`activations of [${shape.join(', ')}] are as their formulas on webgpu`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const [x, other] = [randomValues(shape, 1, 8), randomValues(shape, 2)];
    for (const [name, op] of Object.entries({ silu, gelu, softplus, logSigmoid }))
      await assertFusedAgrees(t, name, (x) => op(x), [x]);
    const bias = randomValues(shape.slice(-1), 3, 4);
    await assertFusedAgrees(t, 'biased softplus', (x, bias) => biasedSoftplus(x!, bias!), [x, bias]);
    await assertFusedAgrees(t, 'SwiGLU', (gate, up) => swiGlu({ gate: gate, up: up }, {}), [x, other]);
  });

test.serial('softplus and log sigmoid keep their tails on webgpu, and nothing overflows', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const X = [-80, -30, -12, -6.9, -3, -1, -1e-3, 0, 1e-3, 1, 3, 12, 30, 80];
  const x = tf.tensor1d(X);
  const check = (found: ArrayLike<number>, wanted: (x: number) => number) =>
    X.forEach((value, i) =>
      t.true(Math.abs(found[i]! / wanted(Math.fround(value)) - 1) < 1e-5, `${value}: ${found[i]}`),
    );
  check(await softplus(x).data(), (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))));
  check(await logSigmoid(x).data(), (v) => Math.min(v, 0) - Math.log1p(Math.exp(-Math.abs(v))));
  const far = tf.tensor1d([-1e9, -1e4, 1e4, 1e9]);
  const [least, low, ...high] = await silu(far).data();
  t.true(Math.abs(least!) < 1e-25 && Math.abs(low!) < 1e-25);
  t.deepEqual(high, [1e4, 1e9]);
  t.deepEqual([...(await softplus(far).data())], [0, 0, 1e4, 1e9]);
});
