// Holds a fused form of an op, on webgpu, against its reference, on wasm: outputs, and the gradients of all inputs.
import * as tf from '#tfjs';
import { startEngine, type BackendName } from '../../../src/backends/engine.js';
import { relativeDifference } from '../../ops/differences.js';

export interface HostTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Seeded normal numbers, or uniform ones in a range. */
export function randomTensor(
  seed: number,
  shape: readonly number[],
  range?: readonly [from: number, to: number],
): HostTensor {
  const size = tf.util.sizeFromShape([...shape]);
  let state = seed * 2654435761 + 1;
  const uniform = () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const draw = range === undefined ? normal : () => range[0] + (range[1] - range[0]) * uniform();
  return { shape, values: Float32Array.from({ length: size }, draw) };
}

/** The largest relative difference of the outputs, and each input's of the gradients, which a random gradient of the outputs gives. */
export async function fusedAgainstReference<Name extends string>(
  inputs: Readonly<Record<Name, HostTensor>>,
  attend: (inputs: Record<Name, tf.Tensor>) => Readonly<Record<string, tf.Tensor>>,
): Promise<Record<string, number>> {
  const [fused, reference] = [await results('webgpu', inputs, attend), await results('wasm', inputs, attend)];
  return Object.fromEntries(
    Object.entries(reference).map(([name, wanted]) => [name, difference(fused[name]!, wanted)]),
  );
}

/** 0 for what is 0 in both, as the gradient of a state that is forgotten. */
function difference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const same = Array.from(wanted).every((x, i) => x === found[i]);
  return same ? 0 : relativeDifference(found, wanted);
}

async function results<Name extends string>(
  backend: BackendName,
  inputs: Readonly<Record<Name, HostTensor>>,
  attend: (inputs: Record<Name, tf.Tensor>) => Readonly<Record<string, tf.Tensor>>,
): Promise<Record<string, ArrayLike<number>>> {
  (await startEngine(backend)).use();
  const names = Object.keys(inputs) as Name[];
  const named = (values: readonly tf.Tensor[]) =>
    Object.fromEntries(names.map((name, i) => [name, values[i]!])) as Record<Name, tf.Tensor>;
  const tensors = names.map((name) => tf.tensor(inputs[name].values, [...inputs[name].shape]));
  const outputs = attend(named(tensors));
  const weights = Object.values(outputs).map((output, i) => {
    const { values, shape } = randomTensor(100 + i, output.shape);
    return tf.tensor(values, [...shape]);
  });
  const loss = (...values: tf.Tensor[]) =>
    tf.addN(Object.values(attend(named(values))).map((output, i) => tf.sum(tf.mul(output, weights[i]!)))) as tf.Scalar;
  const gradients = tf.grads(loss)(tensors);
  const found: Record<string, ArrayLike<number>> = {};
  for (const [name, output] of Object.entries(outputs)) found[name] = await output.data();
  for (const [i, name] of names.entries()) found[`d ${name}`] = await gradients[i]!.data();
  tf.dispose([tensors, outputs, weights, gradients]);
  return found;
}
