// What perplexity runs are called where the seeds of a model are shown as one: by the model's name without its seed, and by what
// tells the run from others of that name.
import type { PplRecord } from '../perplexity/ppl-record.js';
import { nameWithoutSeed } from './display-names.js';

export interface PplIdentity {
  readonly label: string;
  /** What tells the weights of seeds apart. */
  readonly weights: string;
}

/** Runs of another precision, on another backend, or of a model with other settings are lines and rows of their own. */
export function pplIdentity({ model, engine, settings }: PplRecord, runs: readonly PplRecord[]): PplIdentity {
  const name = nameWithoutSeed(model.label);
  const alike = runs.filter((run) => nameWithoutSeed(run.model.label) === name);
  const differs = (of: (run: PplRecord) => string, own: string) => (alike.some((run) => of(run) !== own) ? [own] : []);
  const marks = [
    ...differs((run) => run.engine.backend, engine.backend),
    ...differs((run) => run.engine.dtype, engine.dtype),
    ...Object.keys(model.config).flatMap((key) => differs((run) => setting(run, key), setting({ model }, key))),
  ];
  return { label: [name, ...marks].join(', '), weights: `${model.weightsDigest}/${settings.seed}` };
}

function setting({ model }: Pick<PplRecord, 'model'>, key: string): string {
  return `${key}=${JSON.stringify(model.config[key] ?? null)}`;
}
