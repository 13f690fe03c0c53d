// samples_<task>.jsonl: one row a document in the shape of lm-evaluation-harness 4e7e0d47 (`evaluator.py`,
// `loggers/evaluation_tracker.py`), with its three hashes, so that rows can be joined with an lm-eval log.
import { createHash } from 'node:crypto';
import type { DocumentValues } from '../metrics/document-values.js';
import type { Document, MetricName, Request, RequestScore } from '../tasks/task.js';
import { pythonBoolean, pythonFloat, pythonJson } from './python-repr.js';

/** One document with what the model made of it. */
export interface ScoredDocument {
  readonly document: Document;
  /** Scores of its requests, in their order. */
  readonly scores: readonly RequestScore[];
  readonly values: DocumentValues;
}

/** Log-likelihood and whether it was greedy, or the log-likelihood of a text, as Python prints them. */
type Response = string | [logprob: string, greedy: string];

/** Beside these fields, a row has the value of each metric under its name. */
export type SampleRow = SampleFields & DocumentValues;

interface SampleFields {
  doc_id: number;
  doc: Readonly<Record<string, unknown>>;
  target: string;
  /** Request k is `gen_args_k`: its context and continuation, or its text. */
  arguments: Record<string, Record<string, string>>;
  /** Per request one response. */
  resps: Response[][];
  filtered_resps: Response[];
  filter: 'none';
  metrics: string[];
  doc_hash: string;
  prompt_hash: string;
  target_hash: string;
}

/** @param metrics those that the task reports. */
export function sampleRow({ document, scores, values }: ScoredDocument, metrics: readonly MetricName[]): SampleRow {
  const target = String(document.target);
  const responses = document.requests.map((request, k) => responseOf(request, scores[k]!));
  return {
    doc_id: document.index,
    doc: document.row,
    target,
    arguments: Object.fromEntries(document.requests.map((request, k) => [`gen_args_${k}`, argumentsOf(request)])),
    resps: responses.map((response) => [response]),
    filtered_resps: responses,
    filter: 'none',
    metrics: [...metrics],
    doc_hash: sha256(pythonJson(document.row)),
    prompt_hash: sha256(promptOf(document.requests[0]!)),
    target_hash: sha256(target),
    ...Object.fromEntries(metrics.map((name) => [name, values[name]])),
  };
}

/** lm-eval's `task_hashes[task]`: over the three hashes of every sample. */
export function taskHash(rows: readonly SampleRow[]): string {
  return sha256(rows.map(({ doc_hash, prompt_hash, target_hash }) => doc_hash + prompt_hash + target_hash).join(''));
}

/** Whether there are samples, and whether they hold the benchmark's texts or only hashes of them. */
export type SampleDetail = 'none' | 'scores' | 'full';

const TEXTS: readonly string[] = ['doc', 'target', 'arguments'] satisfies (keyof SampleFields)[];

export function samplesJsonl(rows: readonly SampleRow[], detail: Exclude<SampleDetail, 'none'>): string {
  const shown = (row: SampleRow): object =>
    detail === 'full' ? row : Object.fromEntries(Object.entries(row).filter(([key]) => !TEXTS.includes(key)));
  return rows.map((row) => `${JSON.stringify(shown(row))}\n`).join('');
}

function argumentsOf(request: Request): Record<string, string> {
  switch (request.kind) {
    case 'loglikelihood':
      return { arg_0: request.context, arg_1: request.continuation };
    case 'rolling':
      return { arg_0: request.text };
    default:
      return request satisfies never;
  }
}

function promptOf(request: Request): string {
  return request.kind === 'rolling' ? request.text : request.context;
}

function responseOf(request: Request, { logprob, greedy }: RequestScore): Response {
  return request.kind === 'rolling' ? pythonFloat(logprob) : [pythonFloat(logprob), pythonBoolean(greedy)];
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
