// A fused kernel at one shape, as `npm run bench:kernels` measures it. Each file of kernel-cases/ exports `cases`.
import type * as tf from '#tfjs';
import type { Precision } from '../kernels/webgpu/precision.js';

export interface KernelCase {
  /** Kernel and pass: `windowed-attention`, `windowed-attention gradient`. */
  readonly kernel: string;
  /** Sizes in the kernel's own letters: `B4 T8192 N16 D64 window 1024 sigmoid`. */
  readonly shape: string;
  readonly precision: Precision;
  /** Additions and multiplications of the formula, those that a tiling adds not counted. */
  readonly flops: number;
  /** The fewest bytes that must move: each input read once, each output written once. */
  readonly bytes: number;
  /** What limits it at best, and so which ceiling its share is taken of. */
  readonly bound: 'arithmetic' | 'memory';
  /** Makes seeded inputs on the device. `run` records the kernel once; the bench disposes what it returns. */
  readonly prepare: () => { run: () => tf.Tensor[]; dispose: () => void };
  /**
   * The largest error against f64 arithmetic on the host, as norm of the difference by norm, at a small ragged shape of the
   * same specialisation.
   */
  readonly error: () => Promise<number>;
}
