// What a training step needs beside the weights: an upper estimate, for an engine whose memory must not overflow.
import type { Decoder } from './decoder.js';

/** Of each weight: gradient, both moments, and what the update of one parameter after the other makes. */
const TRAINING_COPIES = 4;
/** What the tape keeps of a layer over what its forward pass has at its peak: 0.5 to 2.2 was measured, the most for Titans. */
const TAPE_LAYERS = 2.5;

/** Bytes of one step with `batch` rows that predict `length` tokens each. */
export function trainingBytes(model: Decoder, batch: number, length: number): number {
  const tape = TAPE_LAYERS * model.config.layers * model.activationBytes(batch, length);
  return 4 * TRAINING_COPIES * model.parameterCount + tape;
}
