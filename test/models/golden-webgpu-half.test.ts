import test from 'ava';
import { loadModel } from '../../src/index.js';
import { needsShared } from '../shared.js';
import { needsWebgpu } from '../webgpu.js';
import { compareHalfWithGolden } from './golden-models.js';

const NAMES = [
  ...[
    'swat',
    'swat-minus',
    'swat-plus',
    'swat-gqa',
    'swat-softmax-rope',
    'transformer',
    'retnet',
    'gla',
    'gsa',
    'mamba',
  ],
  ...['mamba2', 'delta_net', 'gated_deltanet', 'ttt-linear', 'ttt-linear-gate-conv'],
];

for (const name of NAMES)
  test.serial(`${name} in f16 computes the reference's logits`, async (t) => {
    const directory = needsShared(t, 'golden', name);
    if (directory !== null && (await needsWebgpu(t))) await compareHalfWithGolden(t, directory);
  });

test.serial('f16 is refused where the engine does not compute in it', async (t) => {
  const error = await t.throwsAsync(loadModel('swat:tiny', { backend: 'wasm', dtype: 'f16' }));
  t.is(error?.message, 'backend wasm does not compute in f16');
});
