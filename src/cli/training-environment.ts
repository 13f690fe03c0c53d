// What training reaches outside for when the program is used for real.
import { measureProducts } from '../bench/ceilings.js';
import { cellFlops, costOf } from '../bench/work.js';
import { cacheDirectory } from '../data/row-source.js';
import type { Progress } from '../evaluate/progress.js';
import { parameterCount } from '../models/checkpoint/parameters.js';
import type { OpenedModel } from '../models/load-language-model.js';
import { readBuildInfo } from '../package-root.js';
import { writeTraining } from '../report/write-training.js';
import { loadTextGenerator } from '../tasks/text-generators.js';
import { planTraining } from '../train/plan.js';
import type { TrainConfig } from '../train/train-config.js';
import type { TrainEnvironment } from '../train/train-environment.js';
import type { Interrupts } from './interrupts.js';

/** FLOPs of a training that is not over before the ceiling is known. */
const WORTH_MEASURING = 1e12;

export function createTrainEnvironment(
  progress: Progress,
  interrupts: Interrupts,
  log: (sentence: string) => void,
  cacheDir: string | undefined,
): TrainEnvironment {
  /** Of the engine, which all models of a recipe share. */
  let flopsPerSecond: Promise<number> | null = null;
  return {
    progress,
    log,
    now: () => new Date(),
    clock: () => performance.now(),
    signal: () => interrupts.signal(),
    build: readBuildInfo(),
    cacheDirectory: cacheDir ?? cacheDirectory(process.env),
    loadGenerator: loadTextGenerator,
    async ceiling(opened, engine, config) {
      const flops = await flopsPerToken(opened, config);
      const { steps, tokensPerStep } = planTraining(config);
      if (flops === null || flops * tokensPerStep * steps < WORTH_MEASURING) return null;
      flopsPerSecond ??= measureProducts(engine, config.dtype);
      return (await flopsPerSecond) / flops;
    },
    saveTables: writeTraining,
  };
}

async function flopsPerToken(
  { baseline, rawConfig, config }: OpenedModel,
  { sequence_length: prompt }: TrainConfig,
): Promise<number | null> {
  const cost = await costOf(baseline, rawConfig, null, parameterCount(config));
  const cell = { kind: 'train', prompt, generated: 0, depth: 0, batch: 1, window: null } as const;
  return cost === null ? null : cellFlops(cost, cell) / prompt;
}
