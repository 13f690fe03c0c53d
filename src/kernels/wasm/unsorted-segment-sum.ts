// UnsortedSegmentSum for wasm, which lacks it: the gradient of `gather`, so of the embedding.
//   out[s, :] = sum over i with ids[i] = s of x[i, :]
import * as tf from '#tfjs';
import { elements, floatsOf, intsOf, type WasmBackend } from './heap.js';

export function registerUnsortedSegmentSum(): void {
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc: ({ inputs, backend: kernelBackend, attrs }) => {
      const backend = kernelBackend as WasmBackend;
      const { x, segmentIds } = inputs as unknown as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
      const { numSegments } = attrs as unknown as { numSegments: number };
      const inner = x.shape.slice(segmentIds.shape.length);
      const width = elements(inner);
      const out = backend.makeOutput([numSegments, ...inner], 'float32');
      const sums = floatsOf(backend, out).fill(0);
      const values = floatsOf(backend, x);
      intsOf(backend, segmentIds).forEach((segment, row) => {
        for (let column = 0; column < width; column++) sums[segment * width + column]! += values[row * width + column]!;
      });
      return out;
    },
  });
}
