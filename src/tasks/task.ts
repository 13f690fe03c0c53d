// What a benchmark is to the rest of the program: documents, their requests and their gold answers. No tensor, no I/O.
// Names and meanings follow lm-evaluation-harness 4e7e0d47.

/** Metrics a task can report; each one is defined in src/metrics/. */
export type MetricName =
  | 'acc'
  | 'acc_norm'
  | 'acc_bytes'
  | 'perplexity'
  | 'word_perplexity'
  | 'byte_perplexity'
  | 'token_perplexity'
  | 'bits_per_byte';

export type TaskKind = 'multiple-choice' | 'loglikelihood' | 'rolling';

interface DatasetBase {
  readonly split: string;
  /** Official number of rows. */
  readonly rows: number;
  /**
   * SHA-256 of the rendered requests with their gold answers (`requestsDigest`): the same for JSONL, gzip and parquet.
   * Null where the project never had the whole split to compute it from; then the number of rows alone is checked.
   */
  readonly digest: string | null;
}

/** Rows in a file of a data directory, and the same split on the Hugging Face hub. */
export interface StoredDataset extends DatasetBase {
  /** Path inside a data directory, without `.gz`: `piqa/validation.jsonl`. `.txt`/`.raw` files are text, not JSONL. */
  readonly file: string;
  /** A file with only some of the rows, which is used when `file` is not there (and then needs `--allow-partial`). */
  readonly partialFile?: string;
  /** How a text file falls into rows; absent for JSONL. `lines`: one row `{ text }` a line; `wikitext-pages`: one row `{ page }` a page. */
  readonly text?: 'lines' | 'wikitext-pages';
  /** Repository on the hub, e.g. `allenai/ai2_arc`. */
  readonly hub: string;
  readonly config?: string;
  /** The same of `partialFile`. */
  readonly partialDigest?: string;
}

/** Rows that the package writes itself: they need no file and no network, and are checked all the same. */
export interface GeneratedDataset extends DatasetBase {
  /** What writes them, in place of a file's name: `tasks/mini, seed 1`. */
  readonly generator: string;
  /** The rows, the same at every call. */
  readonly generate: () => Iterable<Readonly<Record<string, unknown>>>;
}

/** Where the rows of a benchmark come from. */
export type Dataset = StoredDataset | GeneratedDataset;

/** One question to the model. `loglikelihood`: log p(continuation | context). `rolling`: log p of the whole text. */
export type Request =
  | { readonly kind: 'loglikelihood'; readonly context: string; readonly continuation: string }
  | { readonly kind: 'rolling'; readonly text: string };

/** The model's answer to one request: sum of log p in nats, whether every token was the argmax, how many tokens were scored. */
export interface RequestScore {
  readonly logprob: number;
  readonly greedy: boolean;
  readonly tokens: number;
}

interface DocumentBase {
  /** Position in the split (lm-eval's `doc_id`). */
  readonly index: number;
  /** The row as lm-eval logs it (after `process_docs`). */
  readonly row: Readonly<Record<string, unknown>>;
  readonly requests: readonly Request[];
  /** lm-eval's `doc_to_target`, as its sample log shows it. */
  readonly target: number | string;
}

/** One document of a split, rendered. Request k of a multiple-choice document belongs to choice k. */
export type Document =
  | (DocumentBase & {
      readonly kind: 'multiple-choice';
      /** The choices without delimiter: their lengths normalise `acc_norm` and `acc_bytes`. */
      readonly choices: readonly string[];
      /** Index of the right choice. */
      readonly gold: number;
    })
  | (DocumentBase & { readonly kind: 'loglikelihood' })
  | (DocumentBase & {
      readonly kind: 'rolling';
      /** Lengths of the original text (before detokenisation): words = fields of a split on white space, bytes of UTF-8. */
      readonly words: number;
      readonly bytes: number;
    });

/** Value of a metric on one document: a number, or [log-likelihood, weight] where the metric is a ratio over the corpus. */
export type DocumentValue = number | readonly [logprob: number, weight: number];

/** A column of the SWAT paper's Table 1 that this task fills. */
export interface PaperColumn {
  readonly title: string;
  readonly metric: MetricName;
  /** Position in the table, 0 = first column after the model's name. */
  readonly order: number;
  /** Whether the column is one of the eight that the paper averages. */
  readonly averaged: boolean;
  /** The embedded suite, where it is not the paper's benchmark that fills the column but one in its form. */
  readonly suite?: 'mini' | undefined;
}

/** What a recall probe sets: pairs that are told, and how far the nearest of them is from where one is asked for. */
export interface RecallSetting {
  readonly probe: 'needle' | 'mqar';
  readonly pairs: number;
  /** Words and marks: a tokenizer that was trained on the text makes a token of each, another one more. */
  readonly distance: number;
}

export interface Task {
  readonly name: string;
  readonly aliases: readonly string[];
  /** lm-eval's task version (`metadata.version`). */
  readonly version: string;
  readonly kind: TaskKind;
  /** One line for `ls tasks`: what is asked, and the source (authors, year). */
  readonly description: string;
  readonly dataset: Dataset;
  readonly metrics: readonly MetricName[];
  readonly paperColumns: readonly PaperColumn[];
  /** Of a recall probe: what its accuracy is plotted against. */
  readonly recall?: RecallSetting | undefined;
  /**
   * Renders one row of the split.
   * @throws UserError 'data' when the row lacks a field or has a value of another type; `where` is the row's file:line.
   */
  document(row: unknown, index: number, where: string): Document;
}

/** A task whose rows lie in a file. */
export type StoredTask = Task & { readonly dataset: StoredDataset };
