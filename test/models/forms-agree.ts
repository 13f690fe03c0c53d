// The property that every mixer must have: the parallel form, the step form, and the parallel form in two pieces with the
// state handed over compute the same.
import * as tf from '#tfjs';
import type { ExecutionContext } from 'ava';
import type { BackendName } from '../../src/backends/engine.js';
import { startEngine } from '../../src/backends/engine.js';
import type { Decoder } from '../../src/models/decoder.js';
import { openModel, startModel } from '../../src/models/load-language-model.js';
import { largestDifference } from './golden-models.js';

export const LENGTHS = [1, 2, 15, 16, 17, 63, 64, 65, 200];
const VOCABULARY = 257;
const TOLERANCE = 1e-4;

export async function startSpec(spec: string, backend: BackendName = 'wasm'): Promise<Decoder> {
  return (await startModel(await openModel(spec), await startEngine(backend))).model;
}

export function randomIds(rows: number, length: number): tf.Tensor2D {
  let seed = 17 * rows + length;
  const next = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % VOCABULARY;
  return tf.tensor2d(Int32Array.from({ length: rows * length }, next), [rows, length], 'int32');
}

/** For two rows of each of the lengths. */
export async function assertFormsAgree(t: ExecutionContext, model: Decoder, lengths = LENGTHS): Promise<void> {
  for (const length of lengths) {
    const ids = randomIds(2, length);
    const whole = await model.forward(ids).hidden.array();

    const cut = Math.ceil(length / 3);
    const first = model.forward(tf.slice(ids, [0, 0], [2, cut]), model.initialState(2));
    const parts = [await first.hidden.array()];
    if (cut < length)
      parts.push(await model.forward(tf.slice(ids, [0, cut], [2, length - cut]), first.state).hidden.array());
    for (const row of [0, 1]) {
      const off = largestDifference(parts.flatMap((part) => part[row]!).flat(), whole[row]!.flat());
      t.true(off < TOLERANCE, `two pieces, row ${row} of length ${length}: off by ${off}`);
    }

    let state = model.initialState(2);
    for (let position = 0; position < length; position++) {
      const next = tf.reshape(tf.slice(ids, [0, position], [2, 1]), [2]) as tf.Tensor1D;
      const step = model.step(next, state);
      state = step.state;
      const hidden = await step.hidden.array();
      for (const row of [0, 1]) {
        const off = largestDifference(hidden[row]!, whole[row]![position]!);
        t.true(off < TOLERANCE, `step ${position} of length ${length}: off by ${off}`);
      }
    }
  }
}

/** A state forked to rows 0, 0, 1 goes on as its rows do alone. */
export async function assertForkGoesOn(t: ExecutionContext, model: Decoder): Promise<void> {
  const { state } = model.forward(randomIds(2, 40), model.initialState(2));
  const next = randomIds(3, 5);
  const together = await model.forward(next, model.fork(state, [2, 1])).hidden.array();
  for (const [row, source] of [0, 0, 1].entries()) {
    const copies = source === 0 ? [1, 0] : [0, 1];
    const alone = await model.forward(tf.slice(next, [row, 0], [1, 5]), model.fork(state, copies)).hidden.array();
    t.true(largestDifference(together[row]!.flat(), alone[0]!.flat()) < 1e-5);
  }
}

/** Bytes of all tensors of a state. */
export function bytesOf(state: unknown): number {
  if (state instanceof tf.Tensor) return 4 * state.size;
  if (typeof state !== 'object' || state === null) return 0;
  return Object.values(state).reduce((sum: number, part) => sum + bytesOf(part), 0);
}
