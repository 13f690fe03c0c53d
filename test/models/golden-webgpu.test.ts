import path from 'node:path';
import test from 'ava';
import { packageRoot } from '../../src/package-root.js';
import { needsShared } from '../shared.js';
import { needsWebgpu } from '../webgpu.js';
import { compareWithGolden } from './golden-models.js';

for (const name of ['swat', 'swat-gqa', 'transformer'])
  test.serial(`${name} computes the reference's logits, loss and gradients on webgpu`, async (t) => {
    if (await needsWebgpu(t))
      await compareWithGolden(t, path.join(packageRoot, 'test', 'fixtures', 'golden', name), 'webgpu');
  });

for (const name of ['swat-minus', 'swat-plus', 'swat-softmax-rope'])
  test.serial(`${name} computes the reference's logits, loss and gradients on webgpu`, async (t) => {
    const directory = needsShared(t, 'golden', name);
    if (directory !== null && (await needsWebgpu(t))) await compareWithGolden(t, directory, 'webgpu');
  });
