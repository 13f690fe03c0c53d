// What results.json must hold under `swat_eval` for a run to be read back.
import { z } from 'zod';
import type { RunSummary } from '../evaluate/run-summary.js';
import { metrics } from '../metrics/registry.js';
import type { MetricName } from '../tasks/task.js';
import { PAPER_COLUMNS } from './paper-columns.js';

const metricName = z.enum(Object.keys(metrics) as [MetricName, ...MetricName[]]);

const metric = z.object({
  name: metricName,
  // JSON has no NaN and no Infinity: what was not finite was written as null.
  value: z
    .number()
    .nullable()
    .transform((value) => value ?? NaN),
  stderr: z.number().nullable(),
  interval: z.tuple([z.number(), z.number()]).nullable(),
  higherIsBetter: z.boolean(),
});

const count = z.number().int().nonnegative();

const task = z.object({
  task: z.string(),
  version: z.string(),
  kind: z.enum(['multiple-choice', 'loglikelihood', 'rolling']),
  split: z.string(),
  documents: count,
  documentsOriginal: count,
  label: z.enum(['fixtures', 'partial', 'limit']).nullable(),
  metrics: z.array(metric),
  chance: z.number().nullable(),
  majority: z.number().nullable(),
  paperColumns: z.array(
    z.object({
      title: z.string(),
      metric: metricName,
      order: count.max(PAPER_COLUMNS.length - 1),
      averaged: z.boolean(),
      suite: z.literal('mini').optional(),
    }),
  ),
  recall: z.object({ probe: z.enum(['needle', 'mqar']), pairs: count, distance: count }).optional(),
  truncated: count,
  boundaryMerges: count,
  ties: count,
  skipped: count,
  inputTokens: count,
  savedTokens: count,
  scoredTokens: count,
  seconds: z.number(),
  dataDigest: z.string(),
  dataOrigin: z.string(),
});

export const runSchema: z.ZodType<RunSummary> = z.object({
  runId: z.string(),
  model: z.object({
    spec: z.string(),
    label: z.string(),
    baseline: z.string(),
    parameters: count,
    weightsDigest: z.string(),
    config: z.record(z.string(), z.unknown()),
    tokenizer: z.string(),
    tokenizerFingerprint: z.string(),
    vocabularySize: count,
    maxLength: count,
    window: count.nullable(),
  }),
  engine: z.object({
    backend: z.string(),
    dtype: z.enum(['f32', 'f16']),
    device: z.string(),
    blas: z.string().nullable().default(null),
  }),
  observed: z
    .object({
      kernels: z.enum(['fused', 'composite']),
      memory: z.object({
        weightsBytes: count,
        loadPeakBytes: count,
        scorePeakBytes: count,
        heldBytes: count,
        stateBytes: count,
      }),
    })
    .nullable()
    .default(null),
  tasks: z.array(task),
  confidence: z.number().gt(0).lt(1),
  bootstrapIterations: count,
  limit: z.number().nullable(),
  batchSize: z.string(),
  seed: count,
  bosPolicy: z.string(),
  date: z.string(),
  savedTokens: count,
  seconds: z.number(),
  build: z.object({ version: z.string(), revision: z.string(), dirty: z.boolean() }),
});
