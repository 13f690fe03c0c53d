// Faults of the kind that `check` is for, put into a model of random weights on disk, or into an op: each must be found.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '#tfjs';
import test, { type ExecutionContext } from 'ava';
import { gate } from '../../src/check/gate.js';
import { regressions, type GateOutcome } from '../../src/check/gate-outcome.js';
import { runPlan } from '../../src/check/run-plan.js';
import { makeReference } from '../../src/check/make-reference.js';
import { chooseRowSource } from '../../src/data/row-source.js';
import { loadTask } from '../../src/data/load-task.js';
import { openModelSource } from '../../src/evaluate/open-model-source.js';
import { startRuns, type RunEnvironment } from '../../src/evaluate/run-models.js';
import type { RunSettings } from '../../src/evaluate/run-settings.js';
import type { Json } from '../../src/models/checkpoint/config-json.js';
import { writeCheckpoint } from '../../src/models/checkpoint/write-checkpoint.js';
import { openModel } from '../../src/models/load-language-model.js';
import { registerFusedKernel } from '../../src/ops/op.js';
import { windowedAttention, type WindowedAttentionAttributes } from '../../src/ops/windowed-attention.js';
import { readSampledRun, type SampledRun } from '../../src/report/read-samples.js';
import { writeRun } from '../../src/report/write-run.js';
import { resolveTasks } from '../../src/tasks/registry.js';
import { completed, fakeEnvironment, fakeSettings, temporaryDirectory } from '../evaluate/fake-run.js';
import { DEFAULT_TOLERANCES } from './sampled-run.js';

const settings: RunSettings = {
  ...fakeSettings,
  tasks: ['piqa', 'lambada_openai'],
  tokenizer: 'bytes',
  backend: 'wasm',
};

/** As the command line's, with the program's own sentences. */
const environment: RunEnvironment = fakeEnvironment(
  {},
  {
    resolveTasks,
    loadTask: (task) => loadTask(task, chooseRowSource({ fixtures: true, offline: true }, {}), { allowPartial: false }),
    openModel: (spec, given) => openModelSource(spec, given, () => {}),
    writeResults: (directory, { summary, samples }) =>
      writeRun(directory, summary, new Map(summary.tasks.map(({ task }, k) => [task, samples[k]!])), 'scores'),
  },
);

/** A checkpoint of seeded random weights, with its slopes written out. */
async function checkpoint(t: ExecutionContext): Promise<string> {
  const directory = path.join(temporaryDirectory(t), 'swat');
  const { rawConfig, tensors } = await openModel('swat:tiny,seed=1,window=16');
  const slopes = { alibi_slopes: [0.25, 0.0625, -0.0625, -0.25] };
  const config = { ...rawConfig, ...slopes } as { [key: string]: Json };
  await writeCheckpoint(directory, { rawConfig: config, tensors, dtype: 'f32', maxShardBytes: 5e9 });
  return directory;
}

async function runOf(t: ExecutionContext, directory: string): Promise<SampledRun> {
  const [outcome] = await startRuns({ ...settings, models: [directory] }, temporaryDirectory(t), environment);
  return readSampledRun(completed(outcome).directory);
}

/** Runs the checkpoint, breaks it, and gates a run of it against the one before. */
async function gateAfter(
  t: ExecutionContext,
  fault: (directory: string) => Promise<void> | void,
): Promise<GateOutcome> {
  const directory = await checkpoint(t);
  const reference = makeReference([await runOf(t, directory)], []);
  await fault(directory);
  return gate(reference, { runs: [await runOf(t, directory)], benches: [], failed: [] }, DEFAULT_TOLERANCES);
}

async function editConfig(directory: string, changes: object): Promise<void> {
  const file = path.join(directory, 'config.json');
  await writeFile(file, JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), ...changes }));
}

const EVERY_TASK = ['swat piqa log-probability', 'swat lambada_openai log-probability'];
const foundEverywhere = (t: ExecutionContext, outcome: GateOutcome) =>
  t.deepEqual(
    EVERY_TASK.filter((name) => !regressions(outcome).includes(name)),
    [],
  );

test.serial('the same model twice passes', async (t) => {
  t.deepEqual(regressions(await gateAfter(t, () => {})), []);
});

test.serial('a sign of the slopes that is turned round in the configuration is found and named', async (t) => {
  const outcome = await gateAfter(t, (directory) =>
    editConfig(directory, { alibi_slopes: [-0.25, -0.0625, 0.0625, 0.25] }),
  );
  foundEverywhere(t, outcome);
  t.regex(
    outcome.comparisons.find(({ regressed, unit }) => regressed && unit === 'nats')!.note!,
    /alibi_slopes: .* became/,
  );
});

test.serial('a window that is off by one in the configuration is found and named', async (t) => {
  const outcome = await gateAfter(t, (directory) => editConfig(directory, { window_size: 17 }));
  foundEverywhere(t, outcome);
  t.regex(
    outcome.comparisons.find(({ regressed, unit }) => regressed && unit === 'nats')!.note!,
    /window_size: 16 became 17/,
  );
});

/** The op's own formula with other attributes, or other outputs, in the place of a kernel. */
function replaceKernel(t: ExecutionContext, forward: (typeof windowedAttention)['definition']['reference']): void {
  const { reference } = windowedAttention.definition;
  registerFusedKernel(windowedAttention, 'wasm', { forward });
  t.teardown(() => registerFusedKernel(windowedAttention, 'wasm', { forward: reference }));
}

const wrongAttributes: Record<
  string,
  (attributes: WindowedAttentionAttributes) => Partial<WindowedAttentionAttributes>
> = {
  'the wrong sign of the slopes': ({ slopes }) => ({ slopes: slopes!.map((slope) => -slope) }),
  'a window one too small': ({ window }) => ({ window: window! - 1 }),
  'a softmax for the sigmoid': () => ({ activation: 'softmax' }),
};

for (const [fault, change] of Object.entries(wrongAttributes))
  test.serial(`a kernel with ${fault} is found`, async (t) => {
    const { reference } = windowedAttention.definition;
    const outcome = await gateAfter(t, () =>
      replaceKernel(t, (inputs, attributes) => reference(inputs, { ...attributes, ...change(attributes) })),
    );
    foundEverywhere(t, outcome);
  });

test.serial('a kernel that leaves the last head out is found', async (t) => {
  const { reference } = windowedAttention.definition;
  const outcome = await gateAfter(t, () =>
    replaceKernel(t, (inputs, attributes) => {
      const o = reference(inputs, attributes);
      const [batch, length, heads, dim] = o.shape;
      const kept = tf.slice(o, [0, 0, 0, 0], [batch, length, heads - 1, dim]);
      return tf.concat([kept, tf.zeros<tf.Rank.R4>([batch, length, 1, dim])], 2);
    }),
  );
  foundEverywhere(t, outcome);
});

test.serial('a kernel that gives NaN fails the model, which is a regression', async (t) => {
  const directory = await checkpoint(t);
  const reference = makeReference([await runOf(t, directory)], []);
  const { reference: formula } = windowedAttention.definition;
  replaceKernel(t, (inputs, attributes) => tf.mul(formula(inputs, attributes), NaN));
  const { directories, failed } = await runPlan(reference, {}, temporaryDirectory(t), environment);
  t.deepEqual(directories, []);
  t.regex(failed[0]!.reason, /the model gave NaN as log-probability/);
  t.deepEqual(regressions(gate(reference, { runs: [], benches: [], failed }, DEFAULT_TOLERANCES)), [directory]);
});
