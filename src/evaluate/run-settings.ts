// What a user asked `run` for: kept in run.json, so that `--resume` needs no option again.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { metrics } from '../metrics/registry.js';
import type { MetricName } from '../tasks/task.js';
import { UserError } from '../user-error.js';

const metricNames = Object.keys(metrics) as [MetricName, ...MetricName[]];

export const runSettings = z.object({
  models: z.array(z.string()).min(1),
  /** Names, aliases, groups and patterns. */
  tasks: z.array(z.string()),
  /** The program's own sentences in place of the benchmarks. */
  fixtures: z.boolean(),
  /** Directory with the benchmark files; null for the one of the environment, else the cache. */
  dataDir: z.string().nullable(),
  /** Null for the one of the environment. */
  cacheDir: z.string().nullable(),
  offline: z.boolean(),
  allowPartial: z.boolean(),
  backend: z.enum(['auto', 'webgpu', 'tensorflow', 'wasm', 'cpu']),
  dtype: z.enum(['f32', 'f16']),
  /** File, directory or `bytes`; null for the model's own. */
  tokenizer: z.string().nullable(),
  limit: z.number().positive().nullable(),
  batchSize: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('auto') }),
    z.object({ kind: z.literal('rows'), rows: z.int().positive() }),
    z.object({ kind: z.literal('tokens'), tokens: z.int().positive() }),
  ]),
  /** Whether what the choices of a document have in common is computed once. */
  fork: z.boolean(),
  /** Longest input in tokens; null for the model's own. */
  maxLength: z.int().positive().nullable(),
  bos: z.enum(['auto', 'always', 'never']),
  seed: z.int().nonnegative(),
  logSamples: z.enum(['none', 'scores', 'full']),
  bootstrapIterations: z.int().nonnegative(),
  confidence: z.number().gt(0).lt(1),
  extraMetrics: z.array(z.enum(metricNames)),
});

export type RunSettings = z.infer<typeof runSettings>;

/** Settings that say where something lies: their content is checked by digest, so they may differ on another machine. */
const PLACES: ReadonlySet<keyof RunSettings> = new Set(['dataDir', 'cacheDir', 'offline', 'allowPartial']);

/**
 * The settings a run goes on with: those it was started with, which what was given again has to agree with.
 * @throws UserError 'data' that names the first setting that differs.
 */
export function agreedSettings(started: RunSettings, given: Partial<RunSettings>, where: string): RunSettings {
  for (const [key, value] of Object.entries(given) as [keyof RunSettings, unknown][]) {
    if (PLACES.has(key) || isDeepStrictEqual(started[key], value)) continue;
    throw new UserError(
      'data',
      `the run was started with ${key} ${JSON.stringify(started[key])}, and cannot go on with ${JSON.stringify(value)}`,
      { where, hint: '--resume without other options, or a new run without --resume' },
    );
  }
  return { ...started, ...given };
}
