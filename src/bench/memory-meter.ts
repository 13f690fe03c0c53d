// What a computation needs of the engine's memory. On webgpu our pool counts the buffers, free ones included; elsewhere
// TensorFlow.js counts the tensors, and the heap that they lie in is what the system has given.
import * as tf from '#tfjs';
import { DeviceBackend } from '../backends/device-backend.js';
import type { WasmBackend } from '../kernels/wasm/heap.js';

export interface MemoryUse {
  /** The most bytes at once: of buffers on webgpu, of tensors elsewhere. */
  readonly peakBytes: number;
  /** What is taken from the system: buffers, the wasm heap (which never shrinks), or the process. */
  readonly heldBytes: number;
}

/** Runs `body` and says what it needed, what was there before included. */
export async function memoryDuring<T>(body: () => Promise<T>): Promise<{ value: T; memory: MemoryUse }> {
  const backend = tf.backend();
  if (!(backend instanceof DeviceBackend)) return tensorsDuring(body);
  releaseFreeMemory();
  backend.pool.resetPeak();
  const value = await body();
  return { value, memory: { peakBytes: backend.pool.peakBytes, heldBytes: backend.pool.heldBytes } };
}

/** Gives buffers that nobody uses back to the device, broken ones of a failed computation with them. */
export function releaseFreeMemory(): void {
  const backend = tf.backend();
  if (!(backend instanceof DeviceBackend)) return;
  backend.flush();
  backend.pool.trim();
}

/** TensorFlow.js keeps no peak but in its profiles, which slow down what they look at. */
async function tensorsDuring<T>(body: () => Promise<T>): Promise<{ value: T; memory: MemoryUse }> {
  const engine = tf.engine();
  let peakBytes = engine.state.numBytes;
  engine.trackTensor = (tensor, backend) => {
    Object.getPrototypeOf(engine).trackTensor.call(engine, tensor, backend);
    peakBytes = Math.max(peakBytes, engine.state.numBytes);
  };
  try {
    const value = await body();
    return { value, memory: { peakBytes, heldBytes: heldBytes() } };
  } finally {
    delete (engine as Partial<typeof engine>).trackTensor;
  }
}

function heldBytes(): number {
  if (tf.getBackend() !== 'wasm') return process.memoryUsage().rss;
  return (tf.backend() as unknown as WasmBackend).wasm.HEAPU8.byteLength;
}
