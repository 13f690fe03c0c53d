// From finished runs to a reference.
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readRunRecord } from '../evaluate/run-record.js';
import type { RunSettings } from '../evaluate/run-settings.js';
import type { RunSummary } from '../evaluate/run-summary.js';
import type { BenchRecord } from '../bench/bench-record.js';
import type { SampledRun } from '../report/read-samples.js';
import { UserError } from '../user-error.js';
import type { Reference } from './reference.js';

/**
 * A reference of one or several models, all evaluated by the same plan.
 * @throws UserError 'data' for runs of different plans, of one model twice, without samples, or with values that are missing.
 */
export function makeReference(runs: readonly SampledRun[], benches: readonly BenchRecord[]): Reference {
  for (const run of runs) checkComplete(run);
  const models = runs.map(({ summary }) => summary.model.spec);
  const [first, ...others] = runs.map(({ where }) => ({ where, plan: planOf(readRunRecord(where).settings) }));
  if (first === undefined) throw new UserError('usage', 'a reference is made of at least one run');
  const twice = runs.find(({ summary }, k) => models.indexOf(summary.model.spec) < k);
  if (twice !== undefined)
    throw new UserError('data', `${twice.summary.model.spec} has two runs`, {
      where: twice.where,
      hint: 'one run a model',
    });
  for (const { where, plan } of others) {
    const different = (Object.keys(plan) as (keyof typeof plan)[]).find(
      (key) => !isDeepStrictEqual(plan[key], first.plan[key]),
    );
    if (different !== undefined)
      throw new UserError('data', `the runs were made with different ${different}: a reference has one plan`, {
        where: `${first.where}, ${where}`,
      });
  }
  return {
    settings: { ...first.plan, models },
    runs: runs.map((run) => ({ ...run, summary: portable(run.summary) })),
    benches,
  };
}

/** What the runs of a reference share: the settings less models and places. */
function planOf(settings: RunSettings): RunSettings {
  return { ...settings, models: [], dataDir: null, cacheDir: null, offline: false, logSamples: 'scores' };
}

function checkComplete({ where, summary, documents }: SampledRun): void {
  for (const { task, skipped, metrics } of summary.tasks) {
    const lacks = (what: string) =>
      new UserError('data', `${task} ${what}, so that the run makes no reference`, { where });
    if (!documents.has(task)) throw lacks('has no samples (--log-samples none)');
    if (skipped > 0) throw lacks(`has ${skipped} documents without a score`);
    const broken = metrics.find(({ value }) => !Number.isFinite(value));
    if (broken !== undefined) throw lacks(`has no finite ${broken.name}`);
  }
}

/** Without the directories of this machine. */
function portable(summary: RunSummary): RunSummary {
  const origin = (file: string) => file.split(path.sep).slice(-2).join('/');
  return { ...summary, tasks: summary.tasks.map((task) => ({ ...task, dataOrigin: origin(task.dataOrigin) })) };
}
