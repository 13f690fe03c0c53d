import test from 'ava';
import { needsShared } from '../shared.js';
import { compareWithGolden } from './golden-models.js';

for (const backend of ['wasm', 'cpu'] as const)
  for (const name of ['retnet', 'gla', 'gsa', 'mamba2'])
    test.serial(`${name} computes the reference's logits, loss and gradients on ${backend}`, async (t) => {
      const directory = needsShared(t, 'golden', name);
      if (directory !== null) await compareWithGolden(t, directory, backend);
    });
