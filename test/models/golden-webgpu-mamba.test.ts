import test from 'ava';
import { needsShared } from '../shared.js';
import { needsWebgpu } from '../webgpu.js';
import { compareWithGolden } from './golden-models.js';

test.serial("mamba computes the reference's logits, loss and gradients on webgpu", async (t) => {
  const directory = needsShared(t, 'golden', 'mamba');
  if (directory !== null && (await needsWebgpu(t))) await compareWithGolden(t, directory, 'webgpu');
});
