// Writes a checkpoint directory that transformers and flash-linear-attention load: config.json beside safetensors.
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../user-error.js';
import { requireFinite } from './checkpoint.js';
import { formatPythonJson, type Json } from './config-json.js';
import { explainFileError } from '../../file-errors.js';
import { normaliseConfig } from './normalise-config.js';
import { nativeName } from './parameter-names.js';
import { modelParameters } from './parameters.js';
import type { TensorSource } from './safetensors.js';
import { storedBytes, writeSafetensors, type StorageDtype } from './safetensors-writer.js';
import { CONFIG_FILE, INDEX_FILE, SINGLE_FILE } from './weight-files.js';
import { writeAtomically } from '../../write-atomically.js';

export interface CheckpointContents {
  /** config.json of one of the supported families. */
  readonly rawConfig: { readonly [key: string]: Json };
  /** Every parameter of such a model by canonical name; they are stored under the names of the family's reference. */
  readonly tensors: ReadonlyMap<string, TensorSource>;
  readonly dtype: StorageDtype;
  /** Weights beyond this go into several files with an index; a tensor is never cut. transformers writes 5e9. */
  readonly maxShardBytes: number;
}

/**
 * config.json is written last: without it a directory is no checkpoint, so that an interrupted write is not mistaken for one.
 * @throws UserError 'failure' when the directory holds a checkpoint already or cannot be written, 'data' when the
 * configuration is wrong, or a weight is not finite or out of the dtype's range.
 */
export async function writeCheckpoint(directory: string, contents: CheckpointContents): Promise<void> {
  const configFile = path.join(directory, CONFIG_FILE);
  const config = normaliseConfig(contents.rawConfig, configFile);
  await refuseToOverwrite(directory);
  const tensors = modelParameters(config).map(({ name }): [string, TensorSource] => {
    const stored = nativeName(name, config.modelType);
    return [stored, finite(stored, contents.tensors.get(name)!, directory)];
  });
  const shards = nameShards(cutIntoShards(tensors, contents));
  try {
    for (const [file, shard] of shards) await writeSafetensors(path.join(directory, file), shard, contents.dtype);
    if (shards.size > 1) await writeText(path.join(directory, INDEX_FILE), formatIndex(shards, contents.dtype));
    await writeText(configFile, formatPythonJson(contents.rawConfig));
  } catch (error) {
    for (const file of [...shards.keys(), INDEX_FILE]) await rm(path.join(directory, file), { force: true });
    throw error;
  }
}

type Shard = Map<string, TensorSource>;

function cutIntoShards(
  tensors: readonly [string, TensorSource][],
  { dtype, maxShardBytes }: CheckpointContents,
): Shard[] {
  const shards: Shard[] = [];
  let room = 0;
  for (const [name, tensor] of tensors) {
    const bytes = storedBytes(tensor.shape, dtype);
    if (shards.length === 0 || bytes > room) {
      shards.push(new Map());
      room = maxShardBytes;
    }
    shards.at(-1)!.set(name, tensor);
    room -= bytes;
  }
  return shards;
}

/** transformers' file names. */
function nameShards(shards: readonly Shard[]): Map<string, Shard> {
  const number = (n: number) => String(n).padStart(5, '0');
  const name = (i: number) =>
    shards.length === 1 ? SINGLE_FILE : `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
  return new Map(shards.map((shard, i) => [name(i), shard]));
}

function formatIndex(shards: ReadonlyMap<string, Shard>, dtype: StorageDtype): string {
  const entries = [...shards].flatMap(([file, shard]) =>
    [...shard].map(([name, { shape }]) => ({ file, name, shape })),
  );
  return formatPythonJson({
    metadata: { total_size: entries.reduce((sum, { shape }) => sum + storedBytes(shape, dtype), 0) },
    weight_map: Object.fromEntries(entries.map(({ file, name }) => [name, file])),
  });
}

async function refuseToOverwrite(directory: string): Promise<void> {
  const present = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw explainFileError(error, 'write', directory);
  });
  const old = present.find((name) => name === CONFIG_FILE || name === INDEX_FILE || name.endsWith('.safetensors'));
  if (old !== undefined)
    throw new UserError('failure', `${directory} already holds a checkpoint: ${old}`, {
      where: directory,
      hint: 'write to another directory, or remove this one',
    });
}

function finite(name: string, tensor: TensorSource, directory: string): TensorSource {
  return {
    shape: tensor.shape,
    read: async () => {
      const values = await tensor.read();
      requireFinite(name, values, directory);
      return values;
    },
  };
}

function writeText(file: string, text: string): Promise<void> {
  return writeAtomically(file, async (handle) => handle.writeFile(text));
}
