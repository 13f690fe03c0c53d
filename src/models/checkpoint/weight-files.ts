// The safetensors files of a checkpoint directory: one `model.safetensors`, or shards with an index as transformers writes
// them. Nothing outside the directory is opened, and no pickle.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../../user-error.js';
import { parsePythonJson } from './config-json.js';
import { explainFileError } from '../../file-errors.js';
import { openSafetensors, type SafetensorsFile } from './safetensors.js';

export const CONFIG_FILE = 'config.json';
export const SINGLE_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** PyTorch's own weight files, which can hold code that runs when they are loaded. */
const PICKLE = /^(pytorch_model|consolidated|model).*\.(bin|pt|pth|ckpt)$/;

/** The tensors of a checkpoint by name, each with the file that holds it. */
export interface WeightFiles {
  /** The single file, or the index: what errors about the whole name. */
  readonly file: string;
  readonly tensors: ReadonlyMap<string, { readonly source: SafetensorsFile; readonly shape: readonly number[] }>;
}

/** @throws UserError 'data' when there are no weights, or the index, a shard or a header is missing or damaged. */
export async function openWeightFiles(directory: string): Promise<WeightFiles> {
  const present = await listDirectory(directory);
  if (present.includes(SINGLE_FILE)) {
    const source = await openSafetensors(path.join(directory, SINGLE_FILE));
    return { file: source.file, tensors: tensorsOf([source]) };
  }
  if (present.includes(INDEX_FILE)) return openShards(directory);
  const pickle = present.find((name) => PICKLE.test(name));
  if (pickle === undefined)
    throw new UserError('data', `${directory} has neither ${SINGLE_FILE} nor ${INDEX_FILE}`, { where: directory });
  throw new UserError(
    'data',
    `${directory} has its weights as ${pickle} only, a pickle, which can run code and is not read`,
    {
      where: directory,
      hint:
        'convert it where you trust it: python -c "from transformers import AutoModelForCausalLM as M; ' +
        `M.from_pretrained('${directory}').save_pretrained('${directory}')"`,
    },
  );
}

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

async function openShards(directory: string): Promise<WeightFiles> {
  const file = path.join(directory, INDEX_FILE);
  const index = indexSchema.safeParse(parsePythonJson(await readText(file), file));
  if (!index.success)
    throw new UserError('data', `${INDEX_FILE} has no "weight_map" from tensor names to file names`, { where: file });
  const shardOf = new Map(Object.entries(index.data.weight_map));
  const names = [...new Set(shardOf.values())].sort();
  for (const name of names)
    if (!/^[^/\\:]+\.safetensors$/.test(name))
      throw new UserError(
        'data',
        `${INDEX_FILE} names the shard ${JSON.stringify(name)}, expected a .safetensors file beside it`,
        {
          where: file,
        },
      );
  const shards = await Promise.all(names.map((name) => openSafetensors(path.join(directory, name))));
  checkIndex(shardOf, shards, file);
  return { file, tensors: tensorsOf(shards) };
}

/** The index and the shards must name the same tensors in the same places. */
function checkIndex(shardOf: ReadonlyMap<string, string>, shards: readonly SafetensorsFile[], file: string): void {
  const byName = new Map(shards.map((shard) => [path.basename(shard.file), shard]));
  for (const [tensor, name] of shardOf)
    if (!byName.get(name)!.tensors.has(tensor))
      throw new UserError('data', `${INDEX_FILE} says that ${tensor} is in ${name}, but it is not there`, {
        where: file,
      });
  for (const [name, shard] of byName)
    for (const tensor of shard.tensors.keys())
      if (shardOf.get(tensor) !== name)
        throw new UserError('data', `${name} holds ${tensor}, which ${INDEX_FILE} does not say`, { where: file });
}

function tensorsOf(sources: readonly SafetensorsFile[]): WeightFiles['tensors'] {
  return new Map(
    sources.flatMap((source) => [...source.tensors].map(([name, { shape }]) => [name, { source, shape }] as const)),
  );
}

async function listDirectory(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    throw explainFileError(error, 'read', directory);
  }
}

export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw explainFileError(error, 'read', file);
  }
}
