// The plan of a reference, run now.
import { startRuns, type RunEnvironment } from '../evaluate/run-models.js';
import type { RunSettings } from '../evaluate/run-settings.js';
import { UserError } from '../user-error.js';
import type { FailedModel } from './gate-outcome.js';
import type { Reference } from './reference.js';

/** Where things lie on this machine, and what else of the plan is another here. */
export type PlanChanges = Partial<Pick<RunSettings, 'dataDir' | 'cacheDir' | 'offline' | 'backend'>>;

/**
 * Evaluates every model of the reference into a new run directory below `output`. A model that gives no numbers (its
 * log-probabilities are not finite) has failed, which is a finding.
 * @throws UserError 'interrupted'; 'device', 'data' or 'usage' for what says nothing about the models.
 */
export async function runPlan(
  { settings }: Reference,
  changes: PlanChanges,
  output: string,
  environment: RunEnvironment,
): Promise<{ directories: string[]; failed: FailedModel[] }> {
  const outcomes = await startRuns({ ...settings, ...changes }, output, environment);
  const directories: string[] = [];
  const failed: FailedModel[] = [];
  for (const [index, outcome] of outcomes.entries())
    switch (outcome.status) {
      case 'complete':
        directories.push(outcome.directory);
        break;
      case 'failed':
        if (outcome.error.kind !== 'failure') throw outcome.error;
        failed.push({ model: settings.models[index]!, reason: outcome.error.message });
        break;
      case 'interrupted':
        throw new UserError('interrupted', 'interrupted; what was done is kept', {
          where: outcome.directory,
          hint: 'swat-eval run --resume with this directory, then swat-eval check with the runs',
        });
      default:
        outcome satisfies never;
    }
  return { directories, failed };
}
