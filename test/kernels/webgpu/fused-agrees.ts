// A fused kernel against the formula in tensor operations on another engine, values and gradients.
import * as tf from '#tfjs';
import type { ExecutionContext } from 'ava';
import { startEngine, type BackendName } from '../../../src/backends/engine.js';
import { relativeDifference } from '../../ops/differences.js';

export interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Seeded values in (-spread, spread). */
export function randomValues(shape: readonly number[], seed: number, spread = 1): Values {
  let state = seed * 2654435761 + 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 8) / 2 ** 24 - 0.5) * 2 * spread;
  };
  return { shape, values: Float32Array.from({ length: shape.reduce((n, size) => n * size, 1) }, next) };
}

export interface Tolerance {
  readonly value: number;
  readonly gradient: number;
}

/** Differences over norms; the gradient is that of a random direction. */
export async function assertFusedAgrees(
  t: ExecutionContext,
  name: string,
  op: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly Values[],
  tolerance: Tolerance = { value: 2e-6, gradient: 1e-5 },
): Promise<void> {
  const found = await valueAndGradients('webgpu', op, inputs);
  const wanted = await valueAndGradients('cpu', op, inputs);
  const off = relativeDifference(found.value, wanted.value);
  t.true(off < tolerance.value, `${name}: the value is off by ${off}`);
  found.gradients.forEach((gradient, i) => {
    const off = relativeDifference(gradient, wanted.gradients[i]!);
    t.true(off < tolerance.gradient, `${name}: gradient ${i} is off by ${off}`);
  });
}

async function valueAndGradients(
  backend: BackendName,
  op: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly Values[],
) {
  (await startEngine(backend)).use();
  const before = tf.memory().numTensors;
  const tensors = inputs.map(({ values, shape }) => tf.tensor(values, [...shape]));
  const value = tf.tidy(() => op(...tensors));
  const direction = randomValues(value.shape, 77);
  const dValue = tf.tensor(direction.values, value.shape);
  const gradients = tf.grads(op)(tensors, dValue);
  const data = {
    value: (await value.data()) as Float32Array,
    gradients: (await Promise.all(gradients.map((gradient) => gradient.data()))) as Float32Array[],
  };
  tf.dispose([...tensors, value, dValue, ...gradients]);
  if (tf.memory().numTensors > before + CONSTANTS)
    throw new Error(`${tf.memory().numTensors - before} tensors were left behind`);
  return data;
}

/** Tensors that an op may cache (ops/constants.ts). */
const CONSTANTS = 4;
