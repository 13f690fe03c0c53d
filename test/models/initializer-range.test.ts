import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { EMBEDDING } from '../../src/models/decoder.js';
import { openModel, startModel } from '../../src/models/load-language-model.js';
import { listBaselines } from '../../src/models/registry.js';

test.serial('std sets the deviation of initial weights in every baseline', async (t) => {
  const engine = await startEngine('cpu');
  for (const { name } of await listBaselines()) {
    const { model } = await startModel(await openModel(`${name}:tiny,std=0.1,vocab_size=512`), engine);
    const values = Array.from(await model.parameters.get(EMBEDDING).data<'float32'>());
    const deviation = Math.hypot(...values) / Math.sqrt(values.length);
    t.true(Math.abs(deviation / 0.1 - 1) < 0.02, `${name}: ${deviation}`);
    model.dispose();
  }
});
