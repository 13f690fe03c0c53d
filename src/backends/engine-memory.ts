// Bytes of the engine in use. On webgpu our pool counts the buffers; elsewhere TensorFlow.js counts the tensors, and what they lie
// in is what the system has given: the wasm heap, or the process.
import * as tf from '#tfjs';
import type { DeviceMemory } from './buffer-pool.js';
import { DeviceBackend } from './device-backend.js';

/** The heap of wasm never shrinks, so that its size is its peak, too; that of a process is since its start. */
export function engineMemory(): DeviceMemory {
  const backend = tf.backend();
  if (backend instanceof DeviceBackend) {
    const { usedBytes, heldBytes, peakBytes } = backend.pool;
    return { usedBytes, heldBytes, peakBytes };
  }
  const usedBytes = tf.memory().numBytes;
  if (tf.getBackend() !== 'wasm')
    return { usedBytes, heldBytes: process.memoryUsage().rss, peakBytes: 1024 * process.resourceUsage().maxRSS };
  const heap = (backend as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.byteLength;
  return { usedBytes, heldBytes: heap, peakBytes: heap };
}

/** Begins a new peak where there is one to begin: on webgpu. */
export function resetPeak(): void {
  const backend = tf.backend();
  if (backend instanceof DeviceBackend) backend.pool.resetPeak();
}

/** Gives buffers that nobody uses back to the device, broken ones of a failed computation with them. */
export function releaseFreeMemory(): void {
  const backend = tf.backend();
  if (!(backend instanceof DeviceBackend)) return;
  backend.flush();
  backend.pool.trim();
}
