// What the golden models are compared with, and the comparison: ../shared/golden and test/fixtures/golden.
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { loadModel } from '../../src/index.js';
import type { BackendName } from '../../src/index.js';
import { openSafetensors, readFloats, readIntegers } from '../../src/models/checkpoint/safetensors.js';

/** Tolerances of the golden models' README: logits and loss absolute, gradients relative to each tensor's norm. */
const LOGITS = 2e-4;
const LOSS = 1e-5;
const GRADIENT = 1e-3;

export async function compareWithGolden(t: ExecutionContext, directory: string, backend: BackendName): Promise<void> {
  const golden = await openSafetensors(path.join(directory, 'golden.safetensors'));
  const ids = await goldenIds(directory);
  const model = await loadModel(directory, { backend });
  try {
    const logits = await model.logits(ids);
    t.deepEqual(logits.shape, [ids.length, ids[0]!.length, model.config.vocab_size as number]);
    const off = largestDifference(logits.data, await readFloats(golden, 'logits'));
    t.true(off < LOGITS, `logits are off by ${off}`);

    const { loss, gradients } = await model.lossAndGradients(ids);
    const [wantedLoss] = await readFloats(golden, 'loss');
    t.true(Math.abs(loss - wantedLoss!) < LOSS, `loss ${loss}, expected ${wantedLoss}`);
    const names = [...golden.tensors.keys()].filter((name) => name.startsWith('grad.'));
    t.is(gradients.size, names.length);
    for (const name of names) {
      const wanted = await readFloats(golden, name);
      const found = gradients.get(name.slice('grad.'.length));
      if (found === undefined) return t.fail(`no gradient of ${name}`);
      const relative = norm(found.map((value, i) => value - wanted[i]!)) / norm(wanted);
      t.true(relative < GRADIENT, `${name} is off by ${relative} of its norm`);
    }
  } finally {
    await model.dispose();
  }
}

/** Weights in f16 are rounded: logits agree within 2e-2. */
export async function compareHalfWithGolden(t: ExecutionContext, directory: string): Promise<void> {
  const golden = await openSafetensors(path.join(directory, 'golden.safetensors'));
  const model = await loadModel(directory, { backend: 'webgpu', dtype: 'f16' });
  try {
    const { data } = await model.logits(await goldenIds(directory));
    const off = largestDifference(data, await readFloats(golden, 'logits'));
    t.true(off < 2e-2, `logits are off by ${off}`);
    t.true(off > 1e-6, 'the weights are not rounded');
  } finally {
    await model.dispose();
  }
}

/** The golden input, [2][200]. */
export async function goldenIds(directory: string): Promise<number[][]> {
  const golden = await openSafetensors(path.join(directory, 'golden.safetensors'));
  const flat = await readIntegers(golden, 'input_ids');
  const [rows, length] = golden.tensors.get('input_ids')!.shape as [number, number];
  return Array.from({ length: rows }, (_, row) => flat.slice(row * length, (row + 1) * length));
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
