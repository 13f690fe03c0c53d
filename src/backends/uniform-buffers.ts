// Small uniform buffers by their content: the same few shapes come again with every layer, batch and token.

/** A word of a uniform buffer: an integer, or a number that the kernel reads as f32. */
export type Word = number | Float;

export interface Float {
  readonly float: number;
}

export function f32(value: number): Float {
  return { float: value };
}

const MOST_BUFFERS = 4096;

export class UniformBuffers {
  private readonly buffers = new Map<string, GPUBuffer>();
  private readonly device: GPUDevice;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** Never written again, so that a dispatch which is not yet submitted still finds its words. */
  of(words: readonly Word[]): GPUBuffer {
    let key = '';
    for (const word of words) key += typeof word === 'number' ? `${word},` : `${word.float}f,`;
    let buffer = this.buffers.get(key);
    if (buffer === undefined) {
      if (this.buffers.size >= MOST_BUFFERS) this.buffers.clear();
      buffer = this.create(words);
      this.buffers.set(key, buffer);
    }
    return buffer;
  }

  private create(words: readonly Word[]): GPUBuffer {
    // It is bound in whole vectors of four words.
    const size = 16 * Math.ceil(words.length / 4);
    const buffer = this.device.createBuffer({ size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    words.forEach((word, i) =>
      typeof word === 'number' ? view.setUint32(4 * i, word, true) : view.setFloat32(4 * i, word.float, true),
    );
    // Not mapped at its creation: a driver takes milliseconds to map memory.
    this.device.queue.writeBuffer(buffer, 0, bytes);
    return buffer;
  }
}
