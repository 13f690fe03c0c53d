import test from 'ava';
import { assertFormsAgree, assertForkGoesOn, startSpec } from './forms-agree.js';

for (const spec of ['mamba:tiny', 'mamba:tiny,states=8,conv_kernel=2,expand=1'])
  test.serial(`${spec}: the step form and the form in two pieces agree with the parallel form`, async (t) => {
    const model = await startSpec(spec);
    await assertFormsAgree(t, model);
    model.dispose();
  });

test.serial('a forked state goes on as its row did', async (t) => {
  const model = await startSpec('mamba:tiny');
  await assertForkGoesOn(t, model);
  model.dispose();
});
