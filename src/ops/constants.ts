// Tensors that depend on shapes and settings only (rotary tables, masks): built once, kept on the device, the oldest
// dropped when they grow beyond a bound.
import * as tf from '#tfjs';
import { releaseFreeMemory } from '../backends/engine-memory.js';

const BOUND_BYTES = 128 * 2 ** 20;

const cache = new Map<string, tf.Tensor>();
let bytes = 0;

/** The tensor that `build` makes for `key` on the current backend. The caller must not dispose it. */
export function constant<T extends tf.Tensor>(key: string, build: () => T): T {
  const fullKey = `${tf.getBackend()}:${key}`;
  const found = cache.get(fullKey);
  if (found !== undefined) {
    cache.delete(fullKey);
    cache.set(fullKey, found);
    return found as T;
  }
  const built = tf.keep(tf.tidy(build));
  cache.set(fullKey, built);
  bytes += bytesOf(built);
  for (const [oldKey, old] of cache) {
    if (bytes <= BOUND_BYTES || oldKey === fullKey) break;
    drop(oldKey, old);
  }
  return built;
}

/**
 * Frees them all, and gives free buffers back to the device: a model that goes leaves nothing there, and neither does a
 * computation for which there was no room, where a constant may lie in a buffer that was never made.
 */
export function releaseMemory(): void {
  for (const [key, tensor] of cache) drop(key, tensor);
  releaseFreeMemory();
}

function drop(key: string, tensor: tf.Tensor): void {
  cache.delete(key);
  bytes -= bytesOf(tensor);
  tensor.dispose();
}

function bytesOf(tensor: tf.Tensor): number {
  return 4 * tensor.size;
}
