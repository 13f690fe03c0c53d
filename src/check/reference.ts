// results/reference/*.json: what `check` holds runs against. The plan that made it, and for each model its results.json's
// summary with the log-probability of every request and the value of every metric on every document.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { benchRecord, type BenchRecord } from '../bench/bench-record.js';
import { runSettings, type RunSettings } from '../evaluate/run-settings.js';
import { explainFileError } from '../file-errors.js';
import type { SampledDocument, SampledRun } from '../report/read-samples.js';
import { runSchema } from '../report/run-schema.js';
import { UserError } from '../user-error.js';
import { writeAtomically } from '../write-atomically.js';

export interface Reference {
  /** The plan: what `check` runs when it is given no run. It names no place of the machine that it was made on. */
  readonly settings: RunSettings;
  /** One for each of `settings.models`. */
  readonly runs: readonly SampledRun[];
  /** Benchmarks of the models, if speed and memory are to be held to more than the runs' own time. */
  readonly benches: readonly BenchRecord[];
}

/** Log-probabilities are kept in steps of 1e-5 nats, a hundredth of what the gate of equal weights allows. */
const DECIMALS = 5;

const number = z.number();
const samples = z.object({
  ids: z.array(z.int().nonnegative()),
  /** By document, then by request. */
  logprobs: z.array(z.array(number)),
  /** By metric, then by document. */
  values: z.record(z.string(), z.array(z.union([number, z.tuple([number, number])]))),
});

const referenceFile = z.object({
  format: z.literal(1),
  kind: z.literal('reference'),
  decimals: z.literal(DECIMALS),
  settings: runSettings,
  runs: z.array(z.object({ summary: runSchema, samples: z.record(z.string(), samples) })).min(1),
  benches: z.array(benchRecord),
});

type StoredSamples = z.infer<typeof samples>;

/** @throws UserError 'data' when there is no such file, or when it is cut short, changed by hand, or not a reference. */
export async function readReference(file: string): Promise<Reference> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw explainFileError(error, 'read', file);
    throw new UserError('data', `there is no reference ${file}`, {
      where: file,
      hint: `swat-eval check RUN --reference ${file} --update makes one of a finished run`,
      cause: error,
    });
  }
  return parseReference(text, file);
}

export function parseReference(text: string, file: string): Reference {
  const { digest, ...content } = parseObject(text, file);
  const parsed = referenceFile.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw damaged(file, `${issue!.path.join('.')}: ${issue!.message}`);
  }
  if (digest !== digestOf(content)) throw damaged(file, 'it was changed since it was written: its digest is another');
  const { settings, runs, benches } = parsed.data;
  return {
    settings,
    runs: runs.map(({ summary, samples }) => ({
      where: file,
      summary,
      documents: new Map(
        summary.tasks.map(({ task, documents }) => [task, restore(samples[task], documents, `${file}: ${task}`)]),
      ),
    })),
    benches,
  };
}

/** @throws UserError 'failure' when the file cannot be written; then the old one is still there. */
export async function writeReference(file: string, { settings, runs, benches }: Reference): Promise<void> {
  const content: z.input<typeof referenceFile> = {
    format: 1,
    kind: 'reference',
    decimals: DECIMALS,
    settings,
    runs: runs.map(({ summary, documents }) => ({
      summary,
      samples: Object.fromEntries([...documents].map(([task, own]) => [task, store(own)])),
    })),
    benches: [...benches],
  };
  await writeAtomically(file, `${compact({ ...content, digest: digestOf(content) })}\n`);
}

function store(documents: readonly SampledDocument[]): StoredSamples {
  const names = Object.keys(documents[0]?.values ?? {}) as (keyof SampledDocument['values'])[];
  return {
    ids: documents.map(({ id }) => id),
    logprobs: documents.map(({ logprobs }) => logprobs.map(rounded)),
    values: Object.fromEntries(
      names.map((name) => [
        name,
        documents.map(({ values }) => {
          const value = values[name]!;
          return typeof value === 'number' ? rounded(value) : [rounded(value[0]), value[1]];
        }),
      ]),
    ),
  };
}

function restore(stored: StoredSamples | undefined, documents: number, where: string): SampledDocument[] {
  if (stored === undefined || stored.ids.length !== documents) throw damaged(where, 'documents are missing');
  const { ids, logprobs, values } = stored;
  if ([logprobs, ...Object.values(values)].some(({ length }) => length !== documents))
    throw damaged(where, 'some documents lack a value');
  return ids.map((id, k) => ({
    id,
    logprobs: logprobs[k]!,
    values: Object.fromEntries(Object.entries(values).map(([name, column]) => [name, column[k]!])),
  }));
}

function rounded(value: number): number {
  return Number(value.toFixed(DECIMALS));
}

function parseObject(text: string, file: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw damaged(file, `it is not JSON (${(error as Error).message})`, error);
  }
  if (typeof content !== 'object' || content === null) throw damaged(file, 'it is no JSON object');
  return content as Record<string, unknown>;
}

/** SHA-256 of the content as JSON, without white space. */
function digestOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** Indented, with a list of numbers in one line: a change of one document is a change of a few lines. */
function compact(content: object): string {
  return JSON.stringify(content, null, 1).replaceAll(/\[\n[-+.,\deE\s]*\]/g, (list) => list.replaceAll(/\s+/g, ''));
}

function damaged(where: string, why: string, cause?: unknown): UserError {
  return new UserError('data', `the reference cannot be used: ${why}`, {
    where,
    hint: 'the file as it was committed, or a new one by --update',
    cause,
  });
}
