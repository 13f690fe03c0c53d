import test from 'ava';
import { startEngine, type BackendName } from '../../src/backends/engine.js';
import { createScorer } from '../../src/evaluate/model-scorer.js';
import { plainBatch } from '../../src/evaluate/scorer.js';
import { openModel, startModel } from '../../src/models/load-language-model.js';
import { needsWebgpu } from '../webgpu.js';

const RELOADS = 20;
const batch = plainBatch([{ input: [1, 2, 3, 4, 5], queries: [{ targets: [6] }] }]);

async function loadScoreDispose(backend: BackendName) {
  const engine = await startEngine(backend);
  const { model } = await startModel(await openModel('swat:tiny,seed=1'), engine);
  const loaded = model.memory();
  await createScorer(model, engine).score(batch);
  const scored = model.memory();
  const weightsBytes = model.parameters.bytes();
  model.dispose();
  return { weightsBytes, loaded, scored, disposed: model.memory() };
}

for (const backend of ['webgpu', 'wasm'] as const)
  test.serial(`${RELOADS} models that are loaded, used and disposed leave nothing on ${backend}`, async (t) => {
    if (backend === 'webgpu' && !(await needsWebgpu(t))) return;
    const first = await loadScoreDispose(backend);
    t.true(first.loaded.usedBytes >= first.weightsBytes);
    t.true(first.scored.heldBytes >= first.scored.usedBytes);
    t.true(first.scored.peakBytes >= first.scored.heldBytes);
    for (let i = 1; i < RELOADS; i++) {
      const { disposed } = await loadScoreDispose(backend);
      t.is(disposed.usedBytes, first.disposed.usedBytes);
      t.is(disposed.heldBytes, first.disposed.heldBytes);
    }
    if (backend === 'webgpu') t.is(first.disposed.heldBytes, first.disposed.usedBytes);
  });
