// A training that is over in seconds: a model of a few hundred numbers, a text of the test's own, and an environment without a terminal.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { parseTrainConfig } from '../../src/train/read-config.js';
import { startTraining, type TrainingOutcome } from '../../src/train/run-training.js';
import type { TrainingRow, ValidationRow } from '../../src/train/step-log.js';
import type { TrainConfig } from '../../src/train/train-config.js';
import type { TrainEnvironment } from '../../src/train/train-environment.js';
import { loadTextGenerator } from '../../src/tasks/text-generators.js';

export const TINY = 'swat:tiny,hidden=16,heads=2,layers=1,intermediate_size=32,window=8';

/** Sentences that repeat with changes, so that there is something to learn. */
export function someText(sentences: number): string {
  const nouns = ['lantern', 'harbour', 'orchard', 'violin', 'glacier', 'kettle'];
  const sentence = (k: number) => `The ${nouns[k % 6]} stands beside the ${nouns[(k * 5 + 2) % 6]} number ${k % 17}.\n`;
  return Array.from({ length: sentences }, (_, k) => sentence(k)).join('');
}

export function temporaryDirectory(t: ExecutionContext<unknown>): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'swat-eval-train-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A directory with `corpus.txt` in it. */
export function corpusDirectory(t: ExecutionContext<unknown>): string {
  const directory = temporaryDirectory(t);
  writeFileSync(path.join(directory, 'corpus.txt'), someText(200));
  return directory;
}

export function tinyConfig(changes: Record<string, unknown> = {}): TrainConfig {
  const recipe = {
    ...{ model: { tiny: TINY }, data: 'corpus.txt', sequence_length: 16, batch_size: 2, steps: 12, backend: 'cpu' },
    ...{ log_every: 1, checkpoint_every: 4, optimizer: { lr: 0.01 } },
    validation: { data: 'corpus.txt', lengths: [8, 32], tokens: 64, every: 6 },
    ...changes,
  };
  return parseTrainConfig(JSON.stringify(recipe), 'recipe.yaml');
}

export function fakeEnvironment(cacheDirectory: string, changes: Partial<TrainEnvironment> = {}): TrainEnvironment {
  let milliseconds = 0;
  return {
    progress: { start: () => {}, advance: () => {}, finish: () => {} },
    log: () => {},
    now: () => new Date(0),
    clock: () => (milliseconds += 10),
    signal: () => new AbortController().signal,
    build: { version: '0.0.0', revision: 'none', dirty: false },
    cacheDirectory,
    loadGenerator: loadTextGenerator,
    ceiling: async () => null,
    saveTables: async () => {},
    ...changes,
  };
}

/** Trains by a recipe whose data lies in `directory`, into `directory`/results. */
export function trainIn(
  directory: string,
  config: TrainConfig = tinyConfig(),
  changes: Partial<TrainEnvironment> = {},
): Promise<TrainingOutcome[]> {
  const places = { recipe: directory, data: directory };
  return startTraining(
    config,
    places,
    path.join(directory, 'results'),
    fakeEnvironment(path.join(directory, 'cache'), changes),
  );
}

/** Rows of a log, without what a clock and an engine's memory say. */
export function curveOf(directory: string): Partial<TrainingRow>[] {
  return linesOf<TrainingRow>(path.join(directory, 'train.jsonl')).map(
    ({ step, tokens, loss, learning_rate, grad_norm }) => ({ step, tokens, loss, learning_rate, grad_norm }),
  );
}

export function validationOf(directory: string): ValidationRow[] {
  return linesOf<ValidationRow>(path.join(directory, 'validation.jsonl'));
}

function linesOf<Row>(file: string): Row[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
}

/** Long enough to be killed in the middle; two models, and a checkpoint every fifth step. */
export function killedConfig(): TrainConfig {
  return tinyConfig({
    ...{ model: { first: TINY, second: TINY.replace('window=8', 'window=4') }, backend: 'wasm' },
    ...{ steps: 40, checkpoint_every: 5, accumulation_steps: 2 },
  });
}
