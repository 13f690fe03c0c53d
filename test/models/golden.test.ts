import path from 'node:path';
import test from 'ava';
import { packageRoot } from '../../src/package-root.js';
import { needsShared } from '../shared.js';
import { compareWithGolden } from './golden-models.js';

for (const backend of ['wasm', 'cpu'] as const) {
  for (const name of ['swat', 'swat-gqa', 'transformer'])
    test.serial(`${name} computes the reference's logits, loss and gradients on ${backend}`, (t) =>
      compareWithGolden(t, path.join(packageRoot, 'test', 'fixtures', 'golden', name), backend),
    );
  for (const name of ['swat-minus', 'swat-plus', 'swat-softmax-rope'])
    test.serial(`${name} computes the reference's logits, loss and gradients on ${backend}`, async (t) => {
      const directory = needsShared(t, 'golden', name);
      if (directory !== null) await compareWithGolden(t, directory, backend);
    });
}
