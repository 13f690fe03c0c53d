// GatherV2 for wasm: whole slices are copied within the heap. That of tfjs-backend-wasm 4.22.0 computes the place of every
// element from its strides, at 27 ns each.
import * as tf from '#tfjs';
import { elements, intsOf, offsetOf } from './heap.js';
import { replaceKernel } from './replace-kernel.js';

export function registerGather(): void {
  replaceKernel('GatherV2', (inputs, attrs, backend) => {
    const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
    const { axis, batchDims } = attrs as { axis: number; batchDims: number };
    const along = tf.util.parseAxisParam(axis, x.shape)[0]!;
    const { batchSize, outerSize, dimSize, sliceSize, outputShape } =
      tf.backend_util.segment_util.collectGatherOpShapeInfo(x, indices, along, batchDims);
    const outside = intsOf(backend, indices).find((index) => index < 0 || index >= dimSize);
    if (outside !== undefined) throw new RangeError(`gather takes slice ${outside} of ${dimSize}`);

    const out = backend.makeOutput(outputShape, x.dtype);
    const heap = backend.wasm.HEAPU8;
    const bytes = sliceSize * tf.util.bytesPerElement(x.dtype as 'float32');
    const picked = intsOf(backend, indices);
    const count = elements(indices.shape) / batchSize;
    let target = offsetOf(backend, out);
    for (let outer = 0; outer < batchSize * outerSize; outer++) {
      const start = offsetOf(backend, x) + outer * dimSize * bytes;
      const first = Math.floor(outer / outerSize) * count;
      for (let i = first; i < first + count; i++, target += bytes) {
        const source = start + picked[i]! * bytes;
        heap.copyWithin(target, source, source + bytes);
      }
    }
    return out;
  });
}
