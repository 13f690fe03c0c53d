import test from 'ava';
import { needsWebgpu } from '../webgpu.js';
import { assertFormsAgree, startSpec } from './forms-agree.js';

for (const spec of [
  'swat:tiny,layers=1,window=8',
  'transformer:tiny,layers=1,kv_heads=1',
  'swat:tiny,layers=1,window=1,rope=off',
])
  test.serial(`${spec} on webgpu: the step form agrees with the parallel form`, async (t) => {
    if (!(await needsWebgpu(t))) return;
    const model = await startSpec(spec, 'webgpu');
    await assertFormsAgree(t, model, [11]);
    model.dispose();
  });
