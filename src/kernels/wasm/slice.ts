// Slice, SplitV and Unpack for wasm. Those of tfjs-backend-wasm 4.22.0 copy the whole input out of the heap for each part they
// cut, so that a sequence cut into chunks costs its square. Here only the part is copied, within the heap.
import * as tf from '#tfjs';
import { elements, offsetOf, type WasmBackend } from './heap.js';
import { replaceKernel } from './replace-kernel.js';

export function registerSlice(): void {
  replaceKernel('Slice', ({ x }, { begin, size }, backend) => {
    const [from, extent] = tf.slice_util.parseSliceParams(x!, begin as number[], size as number[]) as [
      number[],
      number[],
    ];
    return cut(x!, from, extent, backend);
  });

  replaceKernel('SplitV', ({ x }, { numOrSizeSplits, axis }, backend) => {
    const along = tf.util.parseAxisParam(axis as number, x!.shape)[0]!;
    const sizes = tf.backend_util.prepareSplitSize(x!, numOrSizeSplits as number | number[], along);
    let start = 0;
    return sizes.map((size) => {
      const part = cutAlong(x!, along, start, size, backend);
      start += size;
      return part;
    });
  });

  replaceKernel('Unpack', ({ value }, { axis }, backend) => {
    const along = tf.util.parseAxisParam(axis as number, value!.shape)[0]!;
    const shape = value!.shape.filter((_, i) => i !== along);
    return Array.from({ length: value!.shape[along]! }, (_, i) => ({
      ...cutAlong(value!, along, i, 1, backend),
      shape,
    }));
  });
}

function cutAlong(x: tf.TensorInfo, axis: number, start: number, size: number, backend: WasmBackend): tf.TensorInfo {
  const begin = x.shape.map((_, i) => (i === axis ? start : 0));
  const extent = x.shape.map((length, i) => (i === axis ? size : length));
  return cut(x, begin, extent, backend);
}

/** The part of x that starts at `begin` and has the shape `extent`. */
function cut(x: tf.TensorInfo, begin: readonly number[], extent: number[], backend: WasmBackend): tf.TensorInfo {
  const out = backend.makeOutput(extent, x.dtype);
  const width = tf.util.bytesPerElement(x.dtype as 'float32');
  const strides = [...tf.util.computeStrides(x.shape), 1];
  // From this dimension on, what is cut lies in one piece.
  const inOnePiece = Math.max(
    0,
    extent.findLastIndex((length, i) => length !== x.shape[i]),
  );
  const pieceBytes = width * elements(extent.slice(inOnePiece));
  const heap = backend.wasm.HEAPU8;
  let target = offsetOf(backend, out);
  const copy = (dimension: number, source: number): void => {
    const start = source + begin[dimension]! * strides[dimension]! * width;
    if (dimension === inOnePiece) {
      heap.copyWithin(target, start, start + pieceBytes);
      target += pieceBytes;
      return;
    }
    for (let i = 0; i < extent[dimension]!; i++) copy(dimension + 1, start + i * strides[dimension]! * width);
  };
  copy(0, offsetOf(backend, x));
  return out;
}
