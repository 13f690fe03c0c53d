// A model's weights on the device, by name.
import * as tf from '#tfjs';

export class Parameters {
  private readonly tensors = new Map<string, tf.Tensor>();

  /** Uploads a weight; f32 values in row-major order. */
  set(name: string, values: Float32Array, shape: readonly number[]): void {
    this.tensors.get(name)?.dispose();
    this.tensors.set(name, tf.keep(tf.tensor(values, [...shape], 'float32')));
  }

  /** Puts a tensor of the same shape in a weight's place, as a training step does. */
  replace(name: string, tensor: tf.Tensor): void {
    this.get(name).dispose();
    this.tensors.set(name, tf.keep(tensor));
  }

  get(name: string): tf.Tensor {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw new Error(`no parameter ${name}`);
    return tensor;
  }

  names(): string[] {
    return [...this.tensors.keys()];
  }

  all(): tf.Tensor[] {
    return [...this.tensors.values()];
  }

  count(): number {
    return this.all().reduce((sum, tensor) => sum + tensor.size, 0);
  }

  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose();
    this.tensors.clear();
  }
}
