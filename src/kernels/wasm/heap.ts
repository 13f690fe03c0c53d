// The part of tfjs-backend-wasm 4.22.0 that our wasm kernels stand on: its heap, and tensors registered in it by id.
import type { DataType, KernelBackend, TensorInfo } from '#tfjs';

export interface WasmBackend extends KernelBackend {
  wasm: {
    HEAPU8: Uint8Array;
    cwrap(name: string, returns: null, parameters: ('number' | 'array')[]): (...args: (number | Uint8Array)[]) => void;
    tfjs: { registerTensor(id: number, size: number, offset: number): void; disposeData(id: number): void };
  };
  dataIdMap: { get(dataId: object): { id: number; memoryOffset: number } };
  dataIdNextNumber: number;
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
  disposeData(dataId: object): boolean;
}

/** Byte offset of a tensor in the heap. */
export function offsetOf(backend: WasmBackend, tensor: TensorInfo): number {
  return backend.dataIdMap.get(tensor.dataId).memoryOffset;
}

/** A tensor's elements in place. The heap may grow and move: take the view anew after every allocation. */
export function floatsOf(backend: WasmBackend, tensor: TensorInfo): Float32Array {
  return new Float32Array(backend.wasm.HEAPU8.buffer, offsetOf(backend, tensor), elements(tensor.shape));
}

export function intsOf(backend: WasmBackend, tensor: TensorInfo): Int32Array {
  return new Int32Array(backend.wasm.HEAPU8.buffer, offsetOf(backend, tensor), elements(tensor.shape));
}

/** Runs `body` with an id that stands for `size` floats at a byte offset of the heap, without a copy. */
export function withView<T>(backend: WasmBackend, offset: number, size: number, body: (id: number) => T): T {
  const id = backend.dataIdNextNumber++;
  backend.wasm.tfjs.registerTensor(id, size, offset);
  try {
    return body(id);
  } finally {
    backend.wasm.tfjs.disposeData(id);
  }
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
