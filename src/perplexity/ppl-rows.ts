// Perplexities as data: one row a cell for ppl.csv, one row a cell and bucket of positions for ppl-by-position.csv. Null stands
// where something is not known. Every unit (token, word, byte) is measured from the same sum of log-probabilities.
import { corpusLossStderr } from '../metrics/perplexity.js';
import { normalQuantile } from '../metrics/intervals.js';
import { sum } from '../metrics/stderr.js';
import type { MeasuredPpl, PplRecord, PplResult } from './ppl-record.js';

interface CellColumns {
  run_id: string;
  build_commit: string;
  device: string;
  backend: string;
  dtype: string;
  seed: number;
  /** As given on the command line, its name in tables, its family. */
  model_filename: string;
  model: string;
  model_type: string;
  model_n_params: number;
  weights_digest: string;
  tokenizer: string;
  /** Longest input that the configuration speaks of. */
  max_length: number;
  text: string;
  text_label: string | null;
  text_digest: string;
  /** Evaluation length, and window: `full` where it was asked for, null for a model that has none. */
  length: number;
  window: number | 'full' | null;
  test_time: string;
}

export interface PplRow extends CellColumns {
  documents: number;
  /** Scored, and the words and bytes that they are the text of: the same at every length. */
  tokens: number;
  words: number;
  bytes: number;
  /** Tokens that a scored one is predicted from, on average. */
  mean_context: number | null;
  nats_per_token: number | null;
  /** By the ratio estimator over the units; with its interval. */
  nats_stderr: number | null;
  nats_low: number | null;
  nats_high: number | null;
  confidence: number;
  unit: string;
  units: number;
  token_perplexity: number | null;
  word_perplexity: number | null;
  byte_perplexity: number | null;
  bits_per_byte: number | null;
  seconds: number | null;
  tokens_per_s: number | null;
  peak_bytes: number | null;
  held_bytes: number | null;
  /** Of one row at the end of a segment, by the model's formula. */
  state_bytes: number;
  kernels: 'fused' | 'composite' | null;
  composite_ops: string | null;
  status: PplResult['status'];
  error: string | null;
}

export interface PositionRow extends CellColumns {
  /** Tokens that the targets of this row are predicted from: the fewest and the most. */
  position_from: number;
  position_to: number;
  targets: number;
  nats_per_token: number;
  nats_stderr: number | null;
  nats_low: number | null;
  nats_high: number | null;
  token_perplexity: number | null;
}

export function pplRows(record: PplRecord): PplRow[] {
  return record.results.map((result) => ({
    ...cellColumns(record, result),
    ...textColumns(record),
    ...(result.status === 'ok' ? measuredColumns(record, result) : NOT_MEASURED),
    state_bytes: result.stateBytes,
    status: result.status,
    error: result.status === 'ok' ? null : result.error,
  }));
}

export function positionRows(record: PplRecord): PositionRow[] {
  return record.results.flatMap((result) =>
    result.status !== 'ok'
      ? []
      : result.positions
          .filter(({ targets }) => targets > 0)
          .map(({ tokens, targets, logprob, stderr }, k) => {
            const nats = -logprob / targets;
            return {
              ...cellColumns(record, result),
              position_from: k === 0 ? 1 : result.positions[k - 1]!.tokens + 1,
              position_to: tokens,
              targets,
              nats_per_token: nats,
              ...interval(nats, stderr, record.settings.confidence),
              token_perplexity: perplexity(nats),
            };
          }),
  );
}

function cellColumns(
  { runId, build, engine, settings, model, text }: PplRecord,
  { cell, window, date }: PplResult,
): CellColumns {
  return {
    run_id: runId,
    build_commit: build.dirty ? `${build.revision}-dirty` : build.revision,
    device: engine.device,
    backend: engine.backend,
    dtype: engine.dtype,
    seed: settings.seed,
    model_filename: model.spec,
    model: model.label,
    model_type: model.baseline,
    model_n_params: model.parameters,
    weights_digest: model.weightsDigest,
    tokenizer: model.tokenizer,
    max_length: model.maxLength,
    text: text.name,
    text_label: text.label,
    text_digest: text.digest,
    length: cell.length,
    window: cell.window === 'full' ? 'full' : window,
    test_time: date,
  };
}

function textColumns({ text: { documents, tokens, words, bytes, unit, unitTokens }, settings }: PplRecord) {
  return { documents, tokens, words, bytes, unit, units: unitTokens.length, confidence: settings.confidence };
}

function measuredColumns({ text, settings }: PplRecord, result: MeasuredPpl) {
  const total = -sum(result.unitLogprobs);
  const nats = total / text.tokens;
  const units = result.unitLogprobs.map((logprob, unit) => [logprob, text.unitTokens[unit]!] as const);
  return {
    mean_context: result.meanContext,
    nats_per_token: nats,
    ...interval(nats, corpusLossStderr(units), settings.confidence),
    token_perplexity: perplexity(nats),
    word_perplexity: perplexity(total / text.words),
    byte_perplexity: perplexity(total / text.bytes),
    bits_per_byte: total / text.bytes / Math.LN2,
    seconds: result.seconds,
    tokens_per_s: text.tokens / result.seconds,
    peak_bytes: result.peakBytes,
    held_bytes: result.heldBytes,
    kernels: result.kernels,
    composite_ops: result.compositeOps.join(' '),
  };
}

/** Null where it is beyond all numbers: of a text without spaces, say, by the word. */
function perplexity(nats: number): number | null {
  const value = Math.exp(nats);
  return Number.isFinite(value) ? value : null;
}

/** Normal in nats per token, so that its bounds in perplexity are log-normal. */
function interval(nats: number, stderr: number | null, confidence: number) {
  if (stderr === null || !Number.isFinite(stderr)) return { nats_stderr: null, nats_low: null, nats_high: null };
  const half = normalQuantile(confidence) * stderr;
  return { nats_stderr: stderr, nats_low: nats - half, nats_high: nats + half };
}

const NOT_MEASURED = {
  mean_context: null,
  nats_per_token: null,
  nats_stderr: null,
  nats_low: null,
  nats_high: null,
  token_perplexity: null,
  word_perplexity: null,
  byte_perplexity: null,
  bits_per_byte: null,
  seconds: null,
  tokens_per_s: null,
  peak_bytes: null,
  held_bytes: null,
  kernels: null,
  composite_ops: null,
};
