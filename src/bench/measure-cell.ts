// One cell: a warm-up, which also shows what memory it takes and which kernels it runs, then the repetitions that count.
import * as tf from '#tfjs';
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import type { Engine } from '../backends/engine.js';
import { memoryDuring, type MemoryUse } from '../backends/memory-meter.js';
import { roomFor } from '../evaluate/model-scorer.js';
import type { Decoder } from '../models/decoder.js';
import { trainingBytes } from '../models/training-bytes.js';
import { releaseMemory } from '../ops/constants.js';
import { formsDuring, type OpForm } from '../ops/op.js';
import { UserError } from '../user-error.js';
import { cellTokens, type Cell } from './cells.js';
import { preparePass, type PassOptions } from './passes.js';

export interface MeasureOptions extends PassOptions {
  readonly repetitions: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  readonly signal: AbortSignal;
  /** Told how many tokens went through the model, in the warm-up and in each repetition. */
  readonly advance: (tokens: number) => void;
}

export type Measurement =
  | {
      readonly status: 'ok';
      readonly nanoseconds: number[];
      readonly memory: MemoryUse;
      readonly kernels: OpForm;
      /** Ops, and gradients of ops, that were computed in tensor operations. */
      readonly compositeOps: string[];
    }
  | { readonly status: 'OOM' | 'failed'; readonly error: string };

/**
 * @returns null when the signal aborted. Whatever goes wrong is the cell's result, and nothing of it is left on the device.
 * @throws UserError 'device' when the device is lost.
 */
export async function measureCell(
  model: Decoder,
  engine: Engine,
  cell: Cell,
  options: MeasureOptions,
): Promise<Measurement | null> {
  engine.use();
  tf.engine().startScope('bench');
  try {
    refuseWhatCannotFit(model, engine, cell);
    return await measure(model, engine, cell, options);
  } catch (error) {
    if (error instanceof UserError && error.kind === 'device') throw error;
    const status = error instanceof OutOfMemoryError ? 'OOM' : 'failed';
    return { status, error: (error as Error).message.split('\n', 1)[0]! };
  } finally {
    tf.engine().endScope();
    releaseMemory();
  }
}

async function measure(
  model: Decoder,
  engine: Engine,
  cell: Cell,
  options: MeasureOptions,
): Promise<Measurement | null> {
  const { repetitions, clock, signal, advance } = options;
  const pass = await engine.guard(async () => preparePass(model, cell, options));
  try {
    const nanoseconds: number[] = [];
    const { value: forms, memory } = await memoryDuring(async () => {
      const warmUp = await formsDuring(() => engine.guard(() => pass.run()));
      advance(cellTokens(cell));
      while (nanoseconds.length < repetitions) {
        await new Promise(setImmediate); // signals are delivered between turns of the event loop only
        if (signal.aborted) return null;
        nanoseconds.push(await engine.guard(() => timed(() => pass.run(), clock)));
        advance(cellTokens(cell));
      }
      return warmUp.forms;
    });
    if (forms === null) return null;
    const compositeOps = [...forms].filter(([, form]) => form === 'composite').map(([name]) => name);
    const kernels = forms.size > 0 && compositeOps.length === 0 ? 'fused' : 'composite';
    return { status: 'ok', nanoseconds, memory, kernels, compositeOps };
  } finally {
    pass.dispose();
  }
}

async function timed(body: () => Promise<void>, clock: () => number): Promise<number> {
  const start = clock();
  await body();
  return Math.round((clock() - start) * 1e6);
}

/** A heap that overflows aborts the engine for good: there the need is estimated before. */
function refuseWhatCannotFit(model: Decoder, engine: Engine, cell: Cell): void {
  const room = roomFor(engine, model);
  const need = estimatedBytes(model, cell);
  if (room !== null && need > room)
    throw new OutOfMemoryError(`needs about ${Math.ceil(need / 2 ** 20)} MiB, ${Math.floor(room / 2 ** 20)} are free`);
}

/** An upper estimate; a context counts as if its tokens went through at once. */
function estimatedBytes(model: Decoder, { kind, prompt, generated, depth, batch }: Cell): number {
  const forward = model.activationBytes(batch, depth + Math.max(1, prompt));
  if (kind === 'train') return trainingBytes(model, batch, prompt);
  return forward + 2 * model.stateBytes(batch, depth + prompt + generated);
}
