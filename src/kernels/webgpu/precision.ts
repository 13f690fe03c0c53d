// In which precision the fused kernels multiply: f32, or f16 operands with f32 sums. A model that computes in f16 asks for it
// each time it is used; whatever is not a product of matrices (norms, softmax, states, losses) is f32 in both.
import { deviceBackend } from './runner.js';

export type Precision = 'f32' | 'f16';

let asked: Precision = 'f32';

export function usePrecision(precision: Precision): void {
  asked = precision;
}

/** True where products go through the tensor cores: f16 was asked for, and the adapter multiplies 16 x 16 x 16 f16 matrices. */
export function usesTensorCores(): boolean {
  return asked === 'f16' && hasTensorCores();
}

export function hasTensorCores(): boolean {
  return deviceBackend().tensorCores;
}
