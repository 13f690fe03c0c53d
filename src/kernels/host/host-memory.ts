// Tensors of the engines that compute in the host's memory, `cpu` and `wasm`, as typed arrays in place, for kernels that
// are plain loops.
import * as tf from '#tfjs';
import { floatsOf, type WasmBackend } from '../wasm/heap.js';

export interface HostMemory {
  /** A new f32 tensor; its elements are arbitrary. */
  allocate(shape: number[]): tf.TensorInfo;
  /** The elements in place. Allocations may move them: allocate first, then look. */
  floats(tensor: tf.TensorInfo): Float32Array;
}

interface CpuBackend extends tf.KernelBackend {
  data: { get(dataId: object): { values: Float32Array } };
  makeTensorInfo(shape: number[], dtype: 'float32', values: Float32Array): tf.TensorInfo;
}

const memories: Record<'cpu' | 'wasm', (backend: tf.KernelBackend) => HostMemory> = {
  cpu: (backend) => {
    const cpu = backend as CpuBackend;
    return {
      allocate: (shape) => cpu.makeTensorInfo(shape, 'float32', new Float32Array(tf.util.sizeFromShape(shape))),
      floats: (tensor) => cpu.data.get(tensor.dataId).values,
    };
  },
  wasm: (backend) => {
    const wasm = backend as WasmBackend;
    return {
      allocate: (shape) => wasm.makeOutput(shape, 'float32'),
      floats: (tensor) => floatsOf(wasm, tensor),
    };
  },
};

/** Engines whose tensors lie in the host's memory. */
export const HOST_BACKENDS = ['cpu', 'wasm'] as const;

/** Puts a kernel for all of them into TensorFlow.js's registry. */
export function registerHostKernel(
  kernelName: string,
  compute: (inputs: Readonly<Record<string, tf.TensorInfo>>, memory: HostMemory) => tf.TensorInfo | tf.TensorInfo[],
): void {
  for (const backendName of HOST_BACKENDS)
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, backend }) =>
        compute(inputs as Record<string, tf.TensorInfo>, memories[backendName](backend as tf.KernelBackend)),
    });
}
