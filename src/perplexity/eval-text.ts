// What `ppl` reads: a text file, the rows of a JSONL file, a rolling benchmark, or the held-out text of a generator.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { LoadedTask } from '../data/load-task.js';
import { parseRows } from '../data/rows.js';
import { readTextFile } from '../data/text-file.js';
import { splitWhitespace } from '../tasks/python-text.js';
import type { Document, Task } from '../tasks/task.js';
import type { TextGenerator } from '../tasks/text-generator.js';
import { UserError } from '../user-error.js';

export interface EvalDocument {
  readonly text: string;
  /** Lengths that perplexities are measured in: of a benchmark, those of its original text. */
  readonly words: number;
  readonly bytes: number;
}

export interface EvalText {
  /** Name in tables: the file's, the task's, the generator's. */
  readonly name: string;
  /** File that the text came from, or `generator:NAME`. */
  readonly origin: string;
  /** Why it is not the benchmark's text; null where it is, or where there is no benchmark. */
  readonly label: LoadedTask['label'];
  /** Without end for a generator. */
  readonly documents: Iterable<EvalDocument>;
  readonly endless: boolean;
}

/** What a name can stand for beside a file. */
export interface TextSources {
  readonly resolveTasks: (names: readonly string[]) => Promise<Task[]>;
  readonly loadTask: (task: Task) => Promise<LoadedTask>;
  readonly loadGenerator: (name: string) => Promise<TextGenerator>;
}

const GENERATOR = 'generator:';

/**
 * @param source a file (JSON lines are documents with a field `text`, any other file is one document), `generator:NAME`, or a task.
 * @throws UserError 'data' for a file that is missing or damaged; 'usage' for what is neither, and for a task that is not rolling.
 */
export async function openEvalText(source: string, seed: number, sources: TextSources): Promise<EvalText> {
  if (source.startsWith(GENERATOR)) return generated(await sources.loadGenerator(source.slice(GENERATOR.length)), seed);
  if ((await stat(source).catch(() => null)) !== null) return readFile(source);
  if (/[./\\]/.test(source)) throw new UserError('data', `there is no file ${source}`, { where: source });
  const [task, ...others] = await sources.resolveTasks([source]);
  if (task!.kind !== 'rolling' || others.length > 0)
    throw new UserError('usage', `--text ${source} is no text: only a rolling task is`, {
      hint: 'wikitext, a text file, or generator:NAME',
    });
  const { documents, label, origin } = await sources.loadTask(task!);
  return { name: task!.name, origin, label, documents: documents.map(rollingDocument), endless: false };
}

async function readFile(file: string): Promise<EvalText> {
  const text = await readTextFile(file);
  const name = path.basename(file).replace(/\.gz$/, '');
  const texts = name.endsWith('.jsonl') ? parseRows('jsonl', text, file).map(textOf) : [text];
  return { name, origin: file, label: null, documents: texts.map(plainDocument), endless: false };
}

function textOf({ value: { text }, where }: ReturnType<typeof parseRows>[number]): string {
  if (typeof text === 'string') return text;
  throw new UserError('data', `${where} has no text: a field "text" is missing`, { where });
}

function generated(generator: TextGenerator, seed: number): EvalText {
  const documents = {
    *[Symbol.iterator]() {
      for (const text of generator.documents(seed, 'validation')) yield plainDocument(text);
    },
  };
  return { name: generator.name, origin: `${GENERATOR}${generator.name}`, label: null, documents, endless: true };
}

function rollingDocument(document: Document): EvalDocument {
  const [request] = document.requests;
  if (document.kind !== 'rolling' || request?.kind !== 'rolling')
    throw new TypeError('not a document of a rolling task');
  return { text: request.text, words: document.words, bytes: document.bytes };
}

function plainDocument(text: string): EvalDocument {
  return { text, words: countWords(text), bytes: Buffer.byteLength(text) };
}

/** Fields between white space, as lm-evaluation-harness counts the words of a page. */
export function countWords(text: string): number {
  return splitWhitespace(text).length;
}
