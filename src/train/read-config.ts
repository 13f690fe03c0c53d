// A recipe from its YAML file, with `--set key=value` on top. What is wrong is one sentence: where it stands, and what was meant.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { closest } from '../did-you-mean.js';
import { explainFileError } from '../file-errors.js';
import { UserError } from '../user-error.js';
import { trainConfig, type TrainConfig } from './train-config.js';

type KeyPath = readonly (string | number)[];

/**
 * @param settings texts `a.b=value`, the value in YAML; the last one counts
 * @throws UserError 'data' for what is wrong in the file, 'usage' for what is wrong in a setting.
 */
export async function readTrainConfig(file: string, settings: readonly string[]): Promise<TrainConfig> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw explainFileError(error, 'read', file);
  });
  return parseTrainConfig(text, file, settings);
}

/** @param file what the errors call the text */
export function parseTrainConfig(text: string, file: string, settings: readonly string[] = []): TrainConfig {
  const recipe: unknown = parseYaml(text, (message, line) => {
    const where = `${file}:${line}`;
    return new UserError('data', `${path.basename(file)} is not valid YAML: ${message}`, { where });
  });
  if (typeof recipe !== 'object' || recipe === null || Array.isArray(recipe))
    throw new UserError('data', `${path.basename(file)} holds no recipe: keys with values were expected`, {
      where: file,
      hint: 'model: swat:tiny, data: corpus.txt, sequence_length: 256, steps: 1000; see swat-eval train --help',
    });
  const set = settings.map(parseSetting);
  for (const { keys, value, text: setting } of set) assign(recipe as Record<string, unknown>, keys, value, setting);
  const parsed = trainConfig.safeParse(recipe);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const { at, sentence, hint } = explain(issue!, recipe);
  const setting = set.findLast(({ keys }) => keys.every((key, k) => String(at[k] ?? key) === key));
  const details = hint === null ? {} : { hint };
  if (setting !== undefined) throw new UserError('usage', `--set ${setting.text}: ${sentence}`, details);
  throw new UserError('data', `${path.basename(file)}: ${sentence}`, { where: file, ...details });
}

function parseYaml(text: string, failed: (message: string, line: number) => UserError): unknown {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined)
    throw failed(error.message.split(/ at line \d+|\n/, 1)[0]!.replace(/\.$/, ''), error.linePos?.[0].line ?? 1);
  return document.toJS();
}

interface Setting {
  readonly text: string;
  readonly keys: readonly string[];
  readonly value: unknown;
}

function parseSetting(text: string): Setting {
  const [, key, value] = /^([^=\s]+?)\s*=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined || key.split('.').includes(''))
    throw new UserError('usage', `--set needs key=value, as in optimizer.lr=1e-3, not '${text}'`);
  const parsed = parseYaml(value, (message) => new UserError('usage', `--set ${text} has no YAML value: ${message}`));
  return { text, keys: key.split('.'), value: parsed };
}

function assign(recipe: Record<string, unknown>, keys: readonly string[], value: unknown, text: string): void {
  let place = recipe;
  for (const key of keys.slice(0, -1)) {
    place[key] ??= {};
    const next = place[key];
    if (typeof next !== 'object' || next === null || Array.isArray(next))
      throw new UserError('usage', `--set ${text}: ${key} has no keys, it is ${JSON.stringify(next)}`);
    place = next as Record<string, unknown>;
  }
  place[keys.at(-1)!] = value;
  // The budget is one of both, so that one takes the place of the other.
  if (keys.length === 1 && keys[0] === 'steps') delete recipe.tokens;
  if (keys.length === 1 && keys[0] === 'tokens') delete recipe.steps;
}

function explain(issue: z.core.$ZodIssue, recipe: unknown): { at: KeyPath; sentence: string; hint: string | null } {
  const at = issue.path as KeyPath;
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys;
    const known = keysAt(at);
    const guess = closest(key!, known);
    const full = [...at, key!];
    return {
      at: full,
      sentence: `unknown key ${full.join('.')}`,
      hint: guess === null ? `one of ${known.join(', ')}` : `did you mean ${[...at, guess].join('.')}?`,
    };
  }
  const value = at.reduce<unknown>((place, key) => (place as Record<string, unknown> | undefined)?.[key], recipe);
  const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}`;
  return { at, sentence: `${at.join('.')} ${found}: ${issue.message}`, hint: null };
}

/** The keys that the recipe may have below a place. */
function keysAt(at: KeyPath): string[] {
  let schema: unknown = trainConfig;
  for (const key of at) schema = (objectOf(schema) as Record<string, unknown>)[key];
  return Object.keys(objectOf(schema));
}

/** The shape of an object schema behind defaults, options and preprocessing. */
function objectOf(schema: unknown): object {
  const { def } = schema as { def: { shape?: object; innerType?: unknown; out?: unknown } };
  return def.shape ?? objectOf(def.innerType ?? def.out);
}
