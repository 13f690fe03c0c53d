// Checkpoints of a training run: <run>/checkpoints/step-NNNNNNNN/, each a model as Hugging Face lays it out, with the optimiser's
// moments and the place in the data beside it. A directory is made under another name and renamed, so that it is whole; the newest
// ones stay.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '#tfjs';
import { z } from 'zod';
import { explainFileError } from '../file-errors.js';
import type { AdamWOptimizer, Moments } from '../models/adamw-optimizer.js';
import { openSafetensors, readFloats, type TensorSource } from '../models/checkpoint/safetensors.js';
import { writeSafetensors, type StorageDtype } from '../models/checkpoint/safetensors-writer.js';
import { writeCheckpoint } from '../models/checkpoint/write-checkpoint.js';
import type { RawConfig } from '../models/define-baseline.js';
import type { Parameters } from '../models/parameters.js';
import { writeTokenizerFiles, type TokenizerFiles } from '../tokenizers/save-tokenizer.js';
import { UserError } from '../user-error.js';
import { writeAtomically } from '../write-atomically.js';

const CHECKPOINTS = 'checkpoints';
const FINAL = 'final';
const STATE = 'trainer_state.json';
const MOMENTS = 'optimizer.safetensors';
/** transformers' size of a file of weights. */
const SHARD_BYTES = 5e9;

const trainerState = z.object({
  format: z.literal(1),
  /** Updates that were made. */
  step: z.int().positive(),
  /** Rows that were read: with the seed of the data it is where reading goes on, and all that is random is a function of both. */
  row: z.int().nonnegative(),
  dataSeed: z.int().nonnegative(),
  /** What gradients are multiplied with on their way through the layers, and steps since it changed. */
  lossScale: z.number(),
  stepsAtLossScale: z.int().nonnegative(),
  /** What the running median of the loss is of. */
  recentLosses: z.array(z.number()),
});
export type TrainerState = z.infer<typeof trainerState>;

export interface TrainedModel {
  /** config.json. */
  readonly rawConfig: RawConfig;
  readonly parameters: Parameters;
  readonly tokenizerFiles: TokenizerFiles;
}

/** @throws UserError 'failure' when it cannot be written, 'data' when a weight is not finite; the checkpoints before stay. */
export async function saveCheckpoint(
  run: string,
  model: TrainedModel,
  optimizer: AdamWOptimizer,
  state: TrainerState,
  keep: number,
): Promise<void> {
  const directory = path.join(run, CHECKPOINTS, `step-${String(state.step).padStart(8, '0')}`);
  await wholeDirectory(directory, async (temporary) => {
    await writeModel(temporary, model, 'f32');
    await writeSafetensors(path.join(temporary, MOMENTS), momentSources(optimizer), 'f32');
    await writeAtomically(path.join(temporary, STATE), `${JSON.stringify(state, null, 1)}\n`);
  });
  for (const { directory: old } of listCheckpoints(run).slice(0, -keep)) await removeWhole(old);
}

/** The weights alone, for use. @returns their directory. */
export async function saveFinal(run: string, model: TrainedModel, dtype: StorageDtype): Promise<string> {
  const directory = path.join(run, FINAL);
  await wholeDirectory(directory, (temporary) => writeModel(temporary, model, dtype));
  return directory;
}

export interface Checkpoint {
  readonly directory: string;
  readonly state: TrainerState;
}

/** The last checkpoint of a run, null before the first. */
export function newestCheckpoint(run: string): Checkpoint | null {
  return listCheckpoints(run).at(-1) ?? null;
}

/** Puts the moments of a checkpoint into an optimiser. @throws UserError 'data' when they are damaged. */
export async function restoreMoments({ directory, state }: Checkpoint, optimizer: AdamWOptimizer): Promise<void> {
  const stored = await openSafetensors(path.join(directory, MOMENTS));
  const moments = new Map<string, Moments>();
  const names = [...stored.tensors.keys()].flatMap((key) =>
    key.startsWith('mean.') ? [key.slice('mean.'.length)] : [],
  );
  for (const name of names) {
    const [mean, square] = [await tensorOf(`mean.${name}`), await tensorOf(`square.${name}`)];
    moments.set(name, { mean, square });
  }
  optimizer.restore(state.step, moments);

  async function tensorOf(key: string): Promise<tf.Tensor> {
    const values = await readFloats(stored, key);
    return tf.tensor(values, [...stored.tensors.get(key)!.shape]);
  }
}

/** In the order of their steps. @throws UserError 'data' for one whose state is damaged. */
function listCheckpoints(run: string): Checkpoint[] {
  const parent = path.join(run, CHECKPOINTS);
  const names = namesIn(parent).filter((name) => /^step-\d+$/.test(name));
  return names.sort().map((name) => {
    const directory = path.join(parent, name);
    const file = path.join(directory, STATE);
    try {
      return { directory, state: trainerState.parse(JSON.parse(readFileSync(file, 'utf8'))) };
    } catch (error) {
      throw new UserError('data', `the checkpoint ${name} is damaged: its ${STATE} is not readable`, {
        where: file,
        hint: 'remove this checkpoint: training goes on from the one before',
        cause: error,
      });
    }
  });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

async function writeModel(directory: string, model: TrainedModel, dtype: StorageDtype): Promise<void> {
  const { parameters, rawConfig, tokenizerFiles } = model;
  const tensors = new Map(parameters.names().map((name) => [name, sourceOf(parameters.get(name))]));
  await writeTokenizerFiles(directory, tokenizerFiles);
  await writeCheckpoint(directory, { rawConfig, tensors, dtype, maxShardBytes: SHARD_BYTES });
}

function momentSources(optimizer: AdamWOptimizer): Map<string, TensorSource> {
  return new Map(
    [...optimizer.state()].flatMap(([name, { mean, square }]) => [
      [`mean.${name}`, sourceOf(mean)] as const,
      [`square.${name}`, sourceOf(square)] as const,
    ]),
  );
}

function sourceOf(tensor: tf.Tensor): TensorSource {
  return { shape: tensor.shape, read: async () => (await tensor.data()) as Float32Array };
}

/** A directory that is there whole or not at all, in place of one of this name. */
async function wholeDirectory(directory: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${directory}.tmp`;
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    await fill(temporary);
    await removeWhole(directory);
    await rename(temporary, directory);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first error is the one to tell
    throw explainFileError(error, 'write', directory);
  }
}

/** Takes its name first, so that what is half removed is no checkpoint. */
async function removeWhole(directory: string): Promise<void> {
  const removed = `${directory}.removed`;
  await rename(directory, removed).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rm(removed, { recursive: true, force: true });
}
