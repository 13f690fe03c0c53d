// BatchMatMul for wasm. tfjs-wasm multiplies through XNNPACK (20 GFLOP/s) only for one un-transposed pair; batched or
// transposed operands go through a loop at 1 to 2 GFLOP/s. Here transposed operands are transposed first, and a batch
// is a sequence of single products on views of the heap, without copies.
import * as tf from '#tfjs';
import { elements, offsetOf, withView, type WasmBackend } from './heap.js';

type MatMul = (...args: (number | Uint8Array)[]) => void;
interface Operands {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
}

/** Below this many multiply-adds the set-up of an XNNPACK product costs more than the plain loop. */
const SMALL_PRODUCT = 512;

export function registerBatchMatMul(): void {
  const original = tf.getKernel('BatchMatMul', 'wasm');
  const transpose = tf.getKernel('Transpose', 'wasm');
  let matMul: MatMul;

  const lastTwoSwapped = (x: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo => {
    const rank = x.shape.length;
    const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
    return transpose.kernelFunc({ inputs: { x }, backend, attrs: { perm } }) as tf.TensorInfo;
  };

  const kernelFunc = ({ inputs, backend: kernelBackend, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo => {
    const backend = kernelBackend as WasmBackend;
    const { a, b } = inputs as unknown as Operands;
    const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
    const left = transposeA ? lastTwoSwapped(a, backend) : a;
    const right = transposeB ? lastTwoSwapped(b, backend) : b;
    const out = untransposed(left, right, backend);
    if (left !== a) backend.disposeData(left.dataId);
    if (right !== b) backend.disposeData(right.dataId);
    return out;
  };

  const untransposed = (a: tf.TensorInfo, b: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo => {
    const [m, k] = a.shape.slice(-2) as [number, number];
    const n = b.shape.at(-1)!;
    const batchA = elements(a.shape.slice(0, -2));
    const batchB = elements(b.shape.slice(0, -2));
    const sameOrOne = batchA === batchB || batchA === 1 || batchB === 1;
    if (!sameOrOne || m * n * k < SMALL_PRODUCT)
      return original.kernelFunc({
        inputs: { a, b },
        backend,
        attrs: { transposeA: false, transposeB: false },
      }) as tf.TensorInfo;

    const outer = batchA >= batchB ? a.shape.slice(0, -2) : b.shape.slice(0, -2);
    const out = backend.makeOutput([...outer, m, n], 'float32');
    const slice = (tensor: tf.TensorInfo, index: number, size: number) => offsetOf(backend, tensor) + 4 * index * size;
    for (let i = 0; i < Math.max(batchA, batchB); i++)
      withView(backend, slice(a, batchA === 1 ? 0 : i, m * k), m * k, (aId) =>
        withView(backend, slice(b, batchB === 1 ? 0 : i, k * n), k * n, (bId) =>
          withView(backend, slice(out, i, m * n), m * n, (outId) =>
            matMul(aId, shapeBytes(1, m, k), 3, bId, shapeBytes(1, k, n), 3, 0, 0, outId),
          ),
        ),
      );
    return out;
  };

  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    kernelName: 'BatchMatMul',
    backendName: 'wasm',
    setupFunc: (backend) => {
      original.setupFunc?.(backend);
      matMul = (backend as WasmBackend).wasm.cwrap('BatchMatMul', null, [
        'number', // a
        'array',
        'number',
        'number', // b
        'array',
        'number',
        'number', // transposes
        'number',
        'number', // out
      ]);
    },
    kernelFunc,
  });
}

function shapeBytes(...shape: number[]): Uint8Array {
  return new Uint8Array(new Int32Array(shape).buffer);
}
