// The checkpoints that come with the package, by name: the directories of baselines/checkpoints/ that hold a config.json.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../package-root.js';
import { loadTokenizer } from '../tokenizers/load-tokenizer.js';
import { UserError } from '../user-error.js';
import { parsePythonJson } from './checkpoint/config-json.js';
import { elementCount } from './checkpoint/safetensors.js';
import { CONFIG_FILE, openWeightFiles, readText } from './checkpoint/weight-files.js';

/** From the package's root: the same from source, from dist/ and from an installed copy. */
export const SHIPPED_DIRECTORY = path.join(packageRoot, 'baselines', 'checkpoints');

/** Names in alphabetical order; none where the directory is not there. */
export function shippedNames(shipped = SHIPPED_DIRECTORY): string[] {
  if (!existsSync(shipped)) return [];
  return readdirSync(shipped)
    .filter((name) => existsSync(path.join(shipped, name, CONFIG_FILE)))
    .sort();
}

/**
 * The directory of a shipped checkpoint, null where none has this name. A name wins over a directory of that name in the working
 * directory, so that it means the same weights wherever the program runs; the directory is written as a path, `./swat-mini`.
 */
export function findShipped(name: string, shipped = SHIPPED_DIRECTORY): string | null {
  return shippedNames(shipped).includes(name) ? path.join(shipped, name) : null;
}

/** A file's name for records: one of a shipped checkpoint goes by the checkpoint's name, wherever the package is installed. */
export function nameForRecords(file: string, shipped = SHIPPED_DIRECTORY): string {
  const place = path.relative(shipped, file);
  const isShipped = path.isAbsolute(file) && !place.startsWith('..') && !path.isAbsolute(place);
  return isShipped ? place.replaceAll(path.sep, '/') : file;
}

/** What lists say about a shipped checkpoint; no weight is read. */
export interface ShippedCheckpoint {
  readonly name: string;
  readonly modelType: string;
  readonly parameters: number;
  readonly tokenizer: { readonly name: string; readonly vocabularySize: number };
  /** Tokens it was trained on; null without a record of its training. */
  readonly trainingTokens: number | null;
}

/** What is read of config.json, and of the run record that `swat-eval train` writes. */
const configSchema = z.looseObject({ model_type: z.string() });
const recordSchema = z.looseObject({ plan: z.looseObject({ tokens: z.number() }) });
const RECORD_FILE = 'run.json';

/** @throws UserError 'data' for one that is damaged. */
export async function listShipped(shipped = SHIPPED_DIRECTORY): Promise<ShippedCheckpoint[]> {
  return Promise.all(shippedNames(shipped).map((name) => describe(name, path.join(shipped, name))));
}

async function describe(name: string, directory: string): Promise<ShippedCheckpoint> {
  const record = path.join(directory, RECORD_FILE);
  const { model_type: modelType } = await readJson(path.join(directory, CONFIG_FILE), configSchema);
  const { tensors } = await openWeightFiles(directory);
  const tokenizer = await loadTokenizer(directory);
  return {
    name,
    modelType,
    parameters: [...tensors.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0),
    tokenizer: { name: path.basename(tokenizer.name), vocabularySize: tokenizer.vocabularySize },
    trainingTokens: existsSync(record) ? (await readJson(record, recordSchema)).plan.tokens : null,
  };
}

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(parsePythonJson(await readText(file), file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError('data', `${file} is damaged: ${issue!.path.join('.')}: ${issue!.message}`, { where: file });
}
