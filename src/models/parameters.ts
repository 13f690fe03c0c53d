// A model's weights on the device, by name: f32, or matrices in f16 for a model that computes in it.
import * as tf from '#tfjs';
import { DeviceBackend } from '../backends/device-backend.js';
import { HalfTensor, toHalf } from '../kernels/webgpu/half-tensor.js';
import type { Matrix } from '../ops/linear.js';

export class Parameters {
  private readonly weights = new Map<string, Matrix>();

  /** Uploads a weight; f32 values in row-major order. */
  set(name: string, values: Float32Array, shape: readonly number[]): void {
    const weight = tf.keep(tf.tensor(values, [...shape], 'float32'));
    this.put(name, weight);
    // TensorFlow.js uploads at the first use, where a batch that does not fit would take the weight with it.
    const backend = tf.backend();
    if (backend instanceof DeviceBackend) backend.bufferOf(weight);
  }

  /** Puts a tensor of the same shape in a weight's place, as a training step does. */
  replace(name: string, tensor: tf.Tensor): void {
    this.put(name, tf.keep(tensor));
  }

  /** Uploads a matrix and packs it to f16; see `fitsHalf`. */
  setHalf(name: string, values: Float32Array, shape: readonly number[]): void {
    const full = tf.tensor(values, [...shape], 'float32');
    const half = toHalf(full);
    tf.keep(half.words);
    full.dispose();
    this.put(name, half);
  }

  /** A weight in f32. */
  get(name: string): tf.Tensor {
    const weight = this.matrix(name);
    if (weight instanceof HalfTensor) throw new Error(`parameter ${name} is packed in f16`);
    return weight;
  }

  /** A weight as it is kept, for `linear`. */
  matrix(name: string): Matrix {
    const weight = this.weights.get(name);
    if (weight === undefined) throw new Error(`no parameter ${name}`);
    return weight;
  }

  /** Bytes of a weight as it is kept. */
  bytesOf(name: string): number {
    const weight = this.matrix(name);
    return weight.size * (weight instanceof HalfTensor ? 2 : 4);
  }

  bytes(): number {
    return this.names().reduce((sum, name) => sum + this.bytesOf(name), 0);
  }

  names(): string[] {
    return [...this.weights.keys()];
  }

  /** Every weight in f32, to be differentiated. */
  all(): tf.Tensor[] {
    return this.names().map((name) => this.get(name));
  }

  count(): number {
    return [...this.weights.values()].reduce((sum, weight) => sum + weight.size, 0);
  }

  dispose(): void {
    for (const weight of this.weights.values()) weight.dispose();
    this.weights.clear();
  }

  private put(name: string, weight: Matrix): void {
    this.weights.get(name)?.dispose();
    this.weights.set(name, weight);
  }
}
