// What the tests of this folder share: scratch directories, hand-made safetensors files, a small model's config.json.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { packageRoot } from '../../../src/package-root.js';
import { UserError } from '../../../src/user-error.js';
import { needsShared } from '../../shared.js';

export const goldenFixtures = path.join(packageRoot, 'test', 'fixtures', 'golden');

/** A golden model's directory: the committed fixture, or one of those that only `../shared` has (null where it is absent). */
export function goldenModel(t: ExecutionContext, folder: string): string | null {
  const fixture = path.join(goldenFixtures, folder);
  return existsSync(fixture) ? fixture : needsShared(t, 'golden', folder);
}

export async function scratchDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'swat-eval-checkpoint-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A safetensors file with any header, truthful or not. */
export async function writeRawSafetensors(file: string, header: unknown, data: Uint8Array): Promise<string> {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(file, Buffer.concat([length, json, data]));
  return file;
}

export interface StoredTensor {
  shape: number[];
  values: readonly number[];
}

/** A truthful file of F32 tensors. */
export async function writeFloatTensors(file: string, tensors: Record<string, StoredTensor>): Promise<string> {
  let offset = 0;
  const header = Object.entries(tensors).map(([name, { shape, values }]) => {
    const start = offset;
    offset += 4 * values.length;
    return [name, { dtype: 'F32', shape, data_offsets: [start, offset] }];
  });
  const data = Float32Array.from(Object.values(tensors).flatMap(({ values }) => values));
  return writeRawSafetensors(file, Object.fromEntries(header), new Uint8Array(data.buffer));
}

/** The error of a promise that must fail with a UserError. */
export function userError(t: ExecutionContext, promise: Promise<unknown>): Promise<UserError> {
  return t.throwsAsync<UserError>(promise, { instanceOf: UserError });
}

/** A SWAT model of 2 layers, small enough to write by hand. */
export const tinyConfig = {
  model_type: 'swat',
  vocab_size: 6,
  hidden_size: 4,
  num_hidden_layers: 2,
  num_heads: 2,
  intermediate_size: 3,
  window_size: 5,
};
