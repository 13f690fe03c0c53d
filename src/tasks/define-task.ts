// A benchmark from its definition: a schema of its rows, and pure functions from a row to prompt, continuations and answer.
// How these become requests follows lm-evaluation-harness 4e7e0d47 (`ConfigurableTask.construct_requests`), zero-shot.
import type { z } from 'zod';
import { UserError } from '../user-error.js';
import { splitWhitespace } from './python-text.js';
import type { Dataset, Document, PaperColumn, RecallSetting, Request, Task } from './task.js';

interface CommonDefinition<Row> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly version: string;
  readonly description: string;
  readonly dataset: Dataset;
  readonly paperColumns?: readonly PaperColumn[];
  readonly recall?: RecallSetting;
  /** What a row must have. Other columns are allowed, and stay in the document's row. */
  readonly row: z.ZodType<Row>;
  /** Columns that lm-eval's `process_docs` adds to the row, for the sample log. */
  readonly addedColumns?: (row: Row) => Record<string, unknown>;
}

interface MultipleChoiceDefinition<Row> extends CommonDefinition<Row> {
  readonly kind: 'multiple-choice';
  readonly metrics: readonly ('acc' | 'acc_norm' | 'acc_bytes')[];
  /** Index of the right choice. */
  readonly gold: (row: Row) => number;
  /** Stands between context and choice, in front of the continuation; one space by default. */
  readonly delimiter?: string;
}

/** The common case: one context, several continuations. */
export interface ChoicesDefinition<Row> extends MultipleChoiceDefinition<Row> {
  readonly context: (row: Row) => string;
  readonly choices: (row: Row) => readonly string[];
}

/** Several contexts, one continuation ("partial evaluation", Trinh and Le 2018). */
export interface ContextsDefinition<Row> extends MultipleChoiceDefinition<Row> {
  readonly contexts: (row: Row) => readonly string[];
  readonly continuation: (row: Row) => string;
}

/** One continuation, judged by its probability and by whether the model would have written it. */
export interface LoglikelihoodDefinition<Row> extends CommonDefinition<Row> {
  readonly kind: 'loglikelihood';
  readonly metrics: readonly ('perplexity' | 'acc')[];
  readonly context: (row: Row) => string;
  /** With the space before it: no delimiter is added. */
  readonly continuation: (row: Row) => string;
}

/** Perplexity of a whole text. */
export interface RollingDefinition<Row> extends CommonDefinition<Row> {
  readonly kind: 'rolling';
  readonly metrics: readonly ('word_perplexity' | 'byte_perplexity' | 'token_perplexity' | 'bits_per_byte')[];
  /** The text as the benchmark publishes it; words and bytes are counted here. */
  readonly original: (row: Row) => string;
  /** The text that the model reads. */
  readonly text: (row: Row) => string;
}

export type TaskDefinition<Row> =
  ChoicesDefinition<Row> | ContextsDefinition<Row> | LoglikelihoodDefinition<Row> | RollingDefinition<Row>;

export function defineTask<Row>(definition: TaskDefinition<Row>): Task {
  const { name, aliases = [], version, kind, description, dataset, metrics, paperColumns = [], recall } = definition;
  return {
    name,
    aliases,
    version,
    kind,
    description,
    dataset,
    metrics,
    paperColumns,
    recall,
    document(source, index, where) {
      const row = validRow(definition, source, where);
      // The source, not what the schema made of it: lm-eval's hash of a document depends on the order of its columns.
      const logged = { ...(source as Record<string, unknown>), ...definition.addedColumns?.(row) };
      return render(definition, row, { index, row: logged }, where);
    },
  };
}

type Position = Pick<Document, 'index' | 'row'>;

function render<Row>(definition: TaskDefinition<Row>, row: Row, position: Position, where: string): Document {
  switch (definition.kind) {
    case 'multiple-choice':
      return multipleChoice(definition, row, position, where);
    case 'loglikelihood': {
      const continuation = definition.continuation(row);
      const requests = [loglikelihood(definition.context(row), continuation)];
      return { ...position, kind: 'loglikelihood', requests, target: continuation };
    }
    case 'rolling': {
      const original = definition.original(row);
      const text = definition.text(row);
      return {
        ...position,
        kind: 'rolling',
        requests: [{ kind: 'rolling', text }],
        target: text,
        words: splitWhitespace(original).length,
        bytes: Buffer.byteLength(original),
      };
    }
    default:
      return definition satisfies never;
  }
}

function multipleChoice<Row>(
  definition: ChoicesDefinition<Row> | ContextsDefinition<Row>,
  row: Row,
  position: Position,
  where: string,
): Document {
  const { delimiter = ' ' } = definition;
  const gold = definition.gold(row);
  let choices: readonly string[];
  let requests: Request[];
  let target: number | string;
  if ('contexts' in definition) {
    const contexts = definition.contexts(row);
    const continuation = definition.continuation(row);
    choices = contexts.map(() => continuation);
    requests = contexts.map((context) => loglikelihood(context, delimiter + continuation));
    target = continuation;
  } else {
    const context = definition.context(row);
    choices = definition.choices(row);
    requests = choices.map((choice) => loglikelihood(context, delimiter + choice));
    target = gold;
  }
  if (choices[gold] === undefined)
    throw malformed(definition, `its right answer is choice ${gold}, counted from 0, of ${choices.length}`, where);
  return { ...position, kind: 'multiple-choice', requests, choices, gold, target };
}

function loglikelihood(context: string, continuation: string): Request {
  return { kind: 'loglikelihood', context, continuation };
}

function validRow<Row>(definition: TaskDefinition<Row>, source: unknown, where: string): Row {
  const result = definition.row.safeParse(source);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.path.length === 0) throw malformed(definition, 'it is not an object', where);
  const missing = valueAt(source, issue.path) === undefined;
  const what = missing ? 'is missing' : `is wrong (${issue.message})`;
  throw malformed(definition, `"${issue.path.join('.')}" ${what}`, where);
}

function valueAt(source: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], source);
}

function malformed(task: { name: string }, what: string, where: string): UserError {
  return new UserError('data', `a row of ${task.name} is malformed: ${what}`, {
    where,
    hint: `correct that row, or fetch the benchmark: swat-eval data pull ${task.name}`,
  });
}
