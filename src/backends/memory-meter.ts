// What a computation needs of the engine's memory. On webgpu our pool counts the buffers, free ones included; elsewhere
// TensorFlow.js counts the tensors, and the heap that they lie in is what the system has given.
import * as tf from '#tfjs';
import { DeviceBackend } from './device-backend.js';
import { engineMemory, releaseFreeMemory, resetPeak } from './engine-memory.js';

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
  resetPeak();
  const value = await body();
  return { value, memory: engineMemory() };
}

/**
 * Counts the tensors' data where TensorFlow.js keeps its books: it has no peak itself but in its profiles, which slow down what
 * they look at, and its sum counts a tensor and what it was reshaped to twice.
 */
async function tensorsDuring<T>(body: () => Promise<T>): Promise<{ value: T; memory: MemoryUse }> {
  const engine = tf.engine();
  const { tensorInfo } = engine.state;
  const original = Object.getPrototypeOf(engine) as typeof engine;
  let bytes = engine.state.numBytes;
  let peakBytes = bytes;
  engine.trackTensor = (tensor, backend) => {
    const known = tensorInfo.has(tensor.dataId);
    original.trackTensor.call(engine, tensor, backend);
    if (!known) bytes += tensorInfo.get(tensor.dataId)!.bytes;
    peakBytes = Math.max(peakBytes, bytes);
  };
  engine.removeDataId = (dataId, backend) => {
    bytes -= tensorInfo.get(dataId)?.bytes ?? 0;
    original.removeDataId.call(engine, dataId, backend);
  };
  try {
    const value = await body();
    return { value, memory: { peakBytes, heldBytes: engineMemory().heldBytes } };
  } finally {
    delete (engine as Partial<typeof engine>).trackTensor;
    delete (engine as Partial<typeof engine>).removeDataId;
  }
}
