// One cell: all targets at one evaluation length and window, with what it took. What goes wrong is the cell's result.
import type { Engine } from '../backends/engine.js';
import { memoryDuring, type MemoryUse } from '../backends/memory-meter.js';
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import type { Decoder } from '../models/decoder.js';
import { releaseMemory } from '../ops/constants.js';
import { formsDuring, type OpForm } from '../ops/op.js';
import { UserError } from '../user-error.js';
import { scoreSegments, type ScoringOptions } from './score-segments.js';
import { summarizeLogprobs, type LogprobSummary } from './summarize-logprobs.js';
import { segmentsOf, type TargetStream, type Units } from './target-stream.js';

export interface MeasureOptions extends ScoringOptions {
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
}

export type Measurement =
  | (LogprobSummary &
      MemoryUse & {
        readonly status: 'ok';
        readonly seconds: number;
        readonly kernels: OpForm;
        /** Ops that were computed in tensor operations. */
        readonly compositeOps: string[];
      })
  | { readonly status: 'OOM' | 'failed'; readonly error: string };

/**
 * @returns null when the signal aborted; nothing of a cell is left on the device.
 * @throws UserError 'device' when the device is lost.
 */
export async function measureCell(
  model: Decoder,
  engine: Engine,
  stream: TargetStream,
  units: Units,
  length: number,
  options: MeasureOptions,
): Promise<Measurement | null> {
  engine.use();
  const segments = segmentsOf(stream, length);
  const start = options.clock();
  try {
    const { value, memory } = await memoryDuring(() =>
      formsDuring(() => scoreSegments(model, engine, stream, segments, options)),
    );
    const seconds = (options.clock() - start) / 1000;
    if (!value.value.every(Number.isFinite)) return { status: 'failed', error: 'a log-probability is not finite' };
    const compositeOps = [...value.forms].filter(([, form]) => form === 'composite').map(([name]) => name);
    const kernels = compositeOps.length === 0 ? 'fused' : 'composite';
    return {
      status: 'ok',
      ...summarizeLogprobs(value.value, segments, units),
      ...memory,
      seconds,
      kernels,
      compositeOps,
    };
  } catch (error) {
    if (options.signal.aborted) return null;
    if (error instanceof UserError && error.kind === 'device') throw error;
    const status = error instanceof OutOfMemoryError ? 'OOM' : 'failed';
    return { status, error: (error as Error).message.split('\n', 1)[0]! };
  } finally {
    engine.use();
    releaseMemory();
  }
}
