// The identity of a model's weights: the same for a sharded and a single file, for stacked and separate matrices.
import { createHash } from 'node:crypto';
import type { TensorSource } from './safetensors.js';

/** Tensors are added in any order, as they are read: the digest is over the sorted list of their own digests. */
export class WeightsDigest {
  readonly #lines: string[] = [];

  add(canonicalName: string, shape: readonly number[], values: Float32Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#lines.push(`${canonicalName} ${shape.join('x')} ${createHash('sha256').update(bytes).digest('hex')}\n`);
  }

  /** SHA-256, hexadecimal, of one line `name shape sha256-of-the-f32-bytes` a tensor. */
  hex(): string {
    return createHash('sha256').update(this.#lines.toSorted().join('')).digest('hex');
  }
}

export async function digestWeights(tensors: ReadonlyMap<string, TensorSource>): Promise<string> {
  const digest = new WeightsDigest();
  for (const [name, tensor] of tensors) digest.add(name, tensor.shape, await tensor.read());
  return digest.hex();
}
