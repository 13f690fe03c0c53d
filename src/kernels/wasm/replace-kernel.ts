// A kernel of ours in the place of one of tfjs-backend-wasm.
import * as tf from '#tfjs';
import type { WasmBackend } from './heap.js';

type Kernel = (
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap,
  backend: WasmBackend,
) => tf.TensorInfo | tf.TensorInfo[];

/** Strings are not on the heap: they stay with the kernel that was there. */
export function replaceKernel(kernelName: string, kernel: Kernel): void {
  const original = tf.getKernel(kernelName, 'wasm');
  tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    ...original,
    kernelFunc: (args) => {
      const isText = Object.values(args.inputs).some((input) => input?.dtype === 'string');
      if (isText) return original.kernelFunc(args);
      return kernel(args.inputs as tf.NamedTensorInfoMap, args.attrs as tf.NamedAttrMap, args.backend as WasmBackend);
    },
  });
}
