// What a run's scoring computes with and takes, beside the scores: the forms of the ops in every batch, and the engine's memory.
import { resetPeak } from '../backends/engine-memory.js';
import type { Decoder } from '../models/decoder.js';
import { formsDuring } from '../ops/op.js';
import type { RunObservation } from './run-summary.js';
import type { Scorer } from './scorer.js';

/** Watches `scorer`, whose model was just loaded; loading ends, and its peak, where this is called. */
export function observeScoring(
  scorer: Scorer,
  model: Decoder,
): { scorer: Scorer; observed: () => RunObservation | null } {
  const weightsBytes = model.parameters.bytes();
  const loadPeakBytes = model.memory().peakBytes;
  resetPeak();
  let observation: RunObservation | null = null;
  let longest = 0;
  let fused = true;
  return {
    scorer: {
      ...scorer,
      score: async (batch) => {
        const { value, forms } = await formsDuring(() => scorer.score(batch));
        fused &&= forms.size > 0 && [...forms.values()].every((form) => form === 'fused');
        for (const { input } of batch.groups.flat()) longest = Math.max(longest, input.length);
        const { peakBytes, heldBytes } = model.memory();
        observation = {
          kernels: fused ? 'fused' : 'composite',
          memory: {
            weightsBytes,
            loadPeakBytes,
            scorePeakBytes: peakBytes,
            heldBytes,
            stateBytes: model.stateBytes(1, longest),
          },
        };
        return value;
      },
    },
    observed: () => observation,
  };
}
