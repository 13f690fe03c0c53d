import test from 'ava';
import { needsShared } from '../shared.js';
import { compareWithGolden } from './golden-models.js';

for (const backend of ['wasm', 'cpu'] as const)
  test.serial(`mamba computes the reference's logits, loss and gradients on ${backend}`, async (t) => {
    const directory = needsShared(t, 'golden', 'mamba');
    if (directory !== null) await compareWithGolden(t, directory, backend);
  });
