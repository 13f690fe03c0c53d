// Log-probabilities of all targets at one length: segments go through the model in rows, long ones piece by piece with the state
// carried over, so that what a length needs is the state and one piece.
import * as tf from '#tfjs';
import type { Engine } from '../backends/engine.js';
import { releaseFreeMemory } from '../backends/engine-memory.js';
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import { roomFor } from '../evaluate/model-scorer.js';
import type { Decoder } from '../models/decoder.js';
import type { ModelState } from '../models/language-model.js';
import { releaseMemory } from '../ops/constants.js';
import { scope } from '../ops/scope.js';
import type { Segment, TargetStream } from './target-stream.js';

/** Padding follows a row's tokens, where no causal or recurrent model sees it. */
const PADDING = 0;
/** A pass over fewer tokens is no way out of a lack of memory. */
const SMALLEST_PASS = 512;

export interface ScoringOptions {
  /** Tokens that go through at once. */
  readonly passTokens: number;
  readonly signal: AbortSignal;
  /** Told how many targets are scored. */
  readonly advance: (targets: number) => void;
}

/**
 * log p of every target, in nats, at its place in the stream: [N].
 * @throws OutOfMemoryError when a single row does not fit; the signal's reason when it aborts; UserError 'device' for a lost device.
 */
export async function scoreSegments(
  model: Decoder,
  engine: Engine,
  stream: TargetStream,
  segments: readonly Segment[],
  { passTokens, signal, advance }: ScoringOptions,
): Promise<Float32Array> {
  const logprobs = new Float32Array(stream.targets.length);
  let most = passTokens;
  let shape = '';
  for (const rows of batchesOf(segments, most)) await scoreRows(rows);
  return logprobs;

  async function scoreRows(rows: readonly Segment[]): Promise<void> {
    try {
      await engine.guard(() => passes(rows, Math.max(1, Math.floor(most / rows.length))));
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      engine.use();
      releaseMemory();
      const size = Math.min(most, rows.length * lengthOf(rows[0]!));
      if (size <= SMALLEST_PASS) throw error;
      most = Math.max(SMALLEST_PASS, Math.floor(size / 2));
      for (const fewer of batchesOf(rows, most)) await scoreRows(fewer);
      return;
    }
    advance(rows.reduce((sum, row) => sum + lengthOf(row), 0));
  }

  /** Rows that are longer than a pass go through in several, each of which goes on from the state after the one before. */
  async function passes(rows: readonly Segment[], piece: number): Promise<void> {
    const length = lengthOf(rows[0]!);
    refuseWhatCannotFit(model, engine, rows.length, Math.max(0, length - piece), Math.min(piece, length));
    let state = length > piece ? model.initialState(rows.length) : null;
    try {
      for (let from = 0; from < length; from += piece) {
        await new Promise(setImmediate); // signals are delivered between turns of the event loop only
        signal.throwIfAborted();
        const size = Math.min(piece, length - from);
        engine.use();
        forgetOtherShapes(`${rows.length} x ${size}`);
        const next = forward(rows, from, size, state);
        if (state !== null) disposeState(state, next.state!);
        state = next.state;
        keep(rows, from, size, await next.logprob.data());
        next.logprob.dispose();
      }
    } finally {
      if (state !== null) disposeState(state);
    }
  }

  /** Buffers of sizes that do not come again would add up to a peak that grows with the number of lengths. */
  function forgetOtherShapes(next: string): void {
    if (next !== shape) releaseFreeMemory();
    shape = next;
  }

  function forward(rows: readonly Segment[], from: number, size: number, state: ModelState | null) {
    return scope(() => {
      const ids = tf.tensor2d(cutOut(stream.inputs, rows, from, size), [rows.length, size], 'int32');
      const targets = tf.tensor1d(cutOut(stream.targets, rows, from, size), 'int32');
      const { hidden, state: after } = state === null ? model.forward(ids) : model.forward(ids, state);
      const { logprob } = model.logProbs(tf.reshape(hidden, [-1, model.hiddenSize]) as tf.Tensor2D, targets);
      return { logprob, state: after };
    });
  }

  function keep(rows: readonly Segment[], from: number, size: number, values: Float32Array | Int32Array | Uint8Array) {
    rows.forEach(({ start, end }, row) => {
      const own = Math.min(size, Math.max(0, end - start - from));
      logprobs.set(values.subarray(row * size, row * size + own), start + from);
    });
  }
}

/** As many rows as the tokens of a pass allow, at least one. */
function batchesOf(segments: readonly Segment[], tokens: number): Segment[][] {
  const batches: Segment[][] = [];
  for (let first = 0; first < segments.length;) {
    const rows = Math.max(1, Math.floor(tokens / lengthOf(segments[first]!)));
    batches.push(segments.slice(first, first + rows));
    first += rows;
  }
  return batches;
}

/** [rows, size]: the tokens of each row from its token `from` on, padded on the right. */
function cutOut(tokens: Int32Array, rows: readonly Segment[], from: number, size: number): Int32Array {
  const ids = new Int32Array(rows.length * size).fill(PADDING);
  rows.forEach(({ start, end }, row) => {
    if (start + from < end) ids.set(tokens.subarray(start + from, Math.min(start + from + size, end)), row * size);
  });
  return ids;
}

function lengthOf({ start, end }: Segment): number {
  return end - start;
}

/** The tensors of a state that `kept` does not hold, too. */
function disposeState(state: ModelState, kept?: ModelState): void {
  const tensors = (of: ModelState) => tf.tensor_util.getTensorsInContainer(of as unknown as tf.TensorContainer);
  const held = new Set(kept === undefined ? [] : tensors(kept));
  tf.dispose(tensors(state).filter((tensor) => !held.has(tensor)));
}

/** A heap that overflows aborts the engine for good: there the need of the last pass is estimated before the first. */
function refuseWhatCannotFit(model: Decoder, engine: Engine, rows: number, before: number, size: number): void {
  const room = roomFor(engine, model);
  if (room === null) return;
  const need = estimatedBytes(model, rows, before, size);
  if (need > room)
    throw new OutOfMemoryError(`needs about ${Math.ceil(need / 2 ** 20)} MiB, ${Math.floor(room / 2 ** 20)} are free`);
}

/** An upper estimate. Keys that are carried over take part in a pass: all of them where the state grows without end. */
function estimatedBytes(model: Decoder, rows: number, before: number, size: number): number {
  const end = before + size;
  const grows = model.stateBytes(1, 2 * end) > model.stateBytes(1, end);
  const reached = grows ? before : Math.min(before, model.config.window ?? 0);
  return model.activationBytes(rows, reached + size) + (before === 0 ? 0 : 2 * model.stateBytes(rows, end));
}
