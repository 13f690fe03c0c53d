import test from 'ava';
import { gatedRmsNorm, rmsNormOfGated } from '../../../src/ops/gated-rms-norm.js';
import { l2Norm } from '../../../src/ops/l2-norm.js';
import { layerNorm } from '../../../src/ops/layer-norm.js';
import { rmsNorm } from '../../../src/ops/rms-norm.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { assertFusedAgrees, randomValues } from './fused-agrees.js';

const SHAPES = [
  [1, 64],
  [2, 17, 4],
  [2, 3, 5, 96],
  [3, 7, 1024],
  [1, 3, 1101],
];
const EPSILON = { epsilon: 1e-5 };

for (const shape of SHAPES) {
  const width = [shape.at(-1)!];
  const x = randomValues(shape, 1, 2);
  const gate = randomValues(shape, 2, 4);
  const weight = randomValues(width, 3, 2);
  const bias = randomValues(width, 4);

  test.serial(`norms of [${shape.join(', ')}] are as their formulas on webgpu`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    await assertFusedAgrees(t, 'RMSNorm', (x, weight) => rmsNorm({ x: x, weight: weight }, EPSILON), [x, weight]);
    await assertFusedAgrees(t, 'unit length', (x) => l2Norm({ x: x }, null), [x]);
    await assertFusedAgrees(t, 'LayerNorm', (x, weight, bias) => layerNorm(x, { weight: weight, bias: bias }, 1e-5), [
      x,
      weight,
      bias,
    ]);
    for (const [name, norm] of Object.entries({ gatedRmsNorm, rmsNormOfGated }))
      await assertFusedAgrees(t, name, (x, gate, weight) => norm({ x: x, gate: gate, weight: weight }, EPSILON), [
        x,
        gate,
        weight,
      ]);
  });
}

test.serial('a norm may have a weight for each group of a token', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const [x, gate] = [randomValues([2, 9, 3, 40], 1), randomValues([2, 9, 3, 40], 2)];
  const weight = randomValues([3, 40], 3);
  await assertFusedAgrees(t, 'RMSNorm', (x, weight) => rmsNorm({ x: x, weight: weight }, EPSILON), [x, weight]);
  await assertFusedAgrees(
    t,
    'gate first',
    (x, gate, weight) => rmsNormOfGated({ x: x, gate: gate, weight: weight }, EPSILON),
    [x, gate, weight],
  );
});

test.serial('more rows than the workgroups hold at once', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const [x, weight] = [randomValues([20000, 4], 1), randomValues([4], 2)];
  await assertFusedAgrees(t, 'RMSNorm', (x, weight) => rmsNorm({ x: x, weight: weight }, EPSILON), [x, weight]);
  const long = [randomValues([1100, 1024], 1), randomValues([1024], 2)];
  await assertFusedAgrees(t, 'RMSNorm', (x, weight) => rmsNorm({ x: x, weight: weight }, EPSILON), long);
});
