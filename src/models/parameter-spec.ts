// Shorthands for the parameters that layers are made of. Matrices are stored [outputs, inputs], as PyTorch does.
import type { ParameterSpec } from './mixer.js';

export function matrixParameter(name: string, rows: number, columns: number, std: number): ParameterSpec {
  return { name, shape: [rows, columns], initialisation: { kind: 'normal', std }, decay: true, matrix: true };
}

/** weight [outputs, inputs], and bias [outputs] where the layer has one. */
export function linearParameters(
  name: string,
  outputs: number,
  inputs: number,
  bias: boolean,
  std: number,
): ParameterSpec[] {
  const weight = matrixParameter(`${name}.weight`, outputs, inputs, std);
  if (!bias) return [weight];
  return [weight, { name: `${name}.bias`, shape: [outputs], initialisation: { kind: 'zeros' }, decay: false }];
}

export function normParameter(name: string, size: number): ParameterSpec {
  return { name, shape: [size], initialisation: { kind: 'ones' }, decay: false };
}
