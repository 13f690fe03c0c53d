// Token ids as they are decoded: kept on the device, and read back some at a time.
import * as tf from '#tfjs';
import { DeviceBackend } from '../backends/device-backend.js';

export class DecodedIds {
  private readonly batch: number;
  private readonly rows: number;
  /** On webgpu the ids that are not read yet, [rows, batch]: a token's own tensor may be written again by then. */
  private readonly kept: tf.Tensor2D;
  private unread: tf.Tensor1D[] = [];
  private count = 0;
  private readonly values: Int32Array[] = [];

  /** They are read whenever there are so many rows of new ones. */
  constructor(batch: number, rows: number) {
    this.batch = batch;
    this.rows = rows;
    this.kept = tf.zeros([rows, batch], 'int32');
  }

  /** The ids [batch] of one more token. */
  async add(ids: tf.Tensor1D): Promise<void> {
    const backend = tf.backend();
    if (backend instanceof DeviceBackend)
      backend.copy(backend.bufferOf(ids), backend.changingBufferOf(this.kept), 4 * this.batch * this.count);
    else this.unread.push(tf.clone(ids));
    if (++this.count === this.rows) await this.read();
  }

  /** All of them, [tokens, batch] in row-major order. */
  async all(): Promise<Int32Array> {
    if (this.count > 0) await this.read();
    return Int32Array.from(this.values.flatMap((ids) => [...ids]));
  }

  dispose(): void {
    tf.dispose([this.kept, this.unread]);
  }

  private async read(): Promise<void> {
    const ids = this.unread.length === 0 ? this.kept : tf.stack(this.unread);
    this.values.push((await ids.data<'int32'>()).slice(0, this.count * this.batch));
    tf.dispose(this.unread);
    if (ids !== this.kept) ids.dispose();
    this.unread = [];
    this.count = 0;
  }
}
