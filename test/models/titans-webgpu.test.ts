import test from 'ava';
import { needsWebgpu } from '../webgpu.js';
import { assertSameGradients } from './engines-agree.js';

test.serial('titans: webgpu computes the loss and gradients of cpu', async (t) => {
  if (await needsWebgpu(t)) await assertSameGradients(t, 'titans:tiny', 'webgpu');
});
