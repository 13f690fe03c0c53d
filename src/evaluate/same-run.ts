// What may not change between the start of a run and its resumption: numbers made in two ways do not belong into one table.
import { UserError } from '../user-error.js';
import type { Plan } from './plan.js';
import type { RunRecord } from './run-record.js';
import type { EngineDescription, ModelDescription } from './run-summary.js';

/** @throws UserError 'data' when other data, another tokenizer or other program code would go on with the run. */
export function checkSamePlan(
  record: RunRecord,
  plan: Plan,
  tokenizerFingerprint: string,
  build: RunRecord['build'],
  where: string,
): void {
  const same = checker(where);
  same('build', describeBuild(record.build), describeBuild(build));
  const before = new Map(record.plan.tasks.map(({ name, digest }) => [name, digest]));
  for (const { task, digest } of plan.tasks) same(`${task.name} data`, before.get(task.name) ?? 'none', digest);
  same('tokenizer', record.plan.tokenizerFingerprint, tokenizerFingerprint);
  same('plan', record.plan.hash, plan.hash);
}

/** @throws UserError 'data' when another engine, precision or other weights would go on with the run. Kernels are the build's. */
export function checkSameModel(
  before: { model: ModelDescription; engine: EngineDescription },
  now: { model: ModelDescription; engine: EngineDescription },
  where: string,
): void {
  const same = checker(where);
  same('backend', before.engine.backend, now.engine.backend);
  same('dtype', before.engine.dtype, now.engine.dtype);
  same('device', before.engine.device, now.engine.device);
  same('matrix products by', before.engine.blas ?? 'the engine itself', now.engine.blas ?? 'the engine itself');
  same('weights', before.model.weightsDigest, now.model.weightsDigest);
}

function checker(where: string): (what: string, before: string, now: string) => void {
  return (what, before, now) => {
    if (before === now) return;
    throw new UserError('data', `the run was started with ${what} ${before}, and cannot go on with ${now}`, {
      where,
      hint: 'what it was started with, or a new run without --resume',
    });
  };
}

function describeBuild({ version, revision, dirty }: RunRecord['build']): string {
  return `${version} ${revision}${dirty ? ' (dirty)' : ''}`;
}
