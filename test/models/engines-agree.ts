// For models without a reference implementation: one engine computes what another does.
import type { ExecutionContext } from 'ava';
import type { BackendName } from '../../src/backends/engine.js';
import { randomIds, startSpec } from './forms-agree.js';
import { relativeDifference } from '../ops/differences.js';

/** Loss within 1e-5 of the one on `cpu`, gradients within 1e-3 of their norms. */
export async function assertSameGradients(t: ExecutionContext, spec: string, backend: BackendName): Promise<void> {
  const [found, wanted] = [await lossAndGradients(spec, backend), await lossAndGradients(spec, 'cpu')];
  t.true(Math.abs(found.loss - wanted.loss) < 1e-5, `loss ${found.loss}, expected ${wanted.loss}`);
  for (const [name, gradient] of wanted.gradients) {
    t.true(
      gradient.some((value) => value !== 0),
      `${name} has a gradient`,
    );
    const off = relativeDifference(found.gradients.get(name)!, gradient);
    t.true(off < 1e-3, `${name} is off by ${off} of its norm`);
  }
}

async function lossAndGradients(spec: string, backend: BackendName) {
  const model = await startSpec(spec, backend);
  const { loss, gradients } = model.lossAndGradients(randomIds(2, 50));
  const values = new Map<string, Float32Array>();
  for (const [name, gradient] of gradients) values.set(name, (await gradient.data()) as Float32Array);
  const [value] = await loss.data();
  model.dispose();
  return { loss: value!, gradients: values };
}
