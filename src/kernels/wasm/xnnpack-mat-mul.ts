// Matrix products by XNNPACK, the library inside tfjs-wasm, in single f32 products of un-transposed matrices. It packs the
// right one anew for each, at 4 to 7 ns an element; swapping the last two axes costs about as much. Which of
//   C = A B   and   C^T = B^T A^T
// is computed is therefore a matter of what moves less. A weight [O, I] that few rows x are multiplied with, y = x W^T, is the
// left one. Each element is the sum over k in its order either way: the bits are the same.
import * as tf from '#tfjs';
import { offsetOf, withView, type WasmBackend } from './heap.js';
import { batchOf, type Operands } from './matrix-batch.js';

type MatMul = (...args: (number | Uint8Array)[]) => void;

export function createXnnpackMatMul() {
  const transpose = tf.getKernel('Transpose', 'wasm');
  let matMul: MatMul;

  const swapped = (x: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo => {
    const rank = x.shape.length;
    const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
    return transpose.kernelFunc({ inputs: { x }, backend, attrs: { perm } }) as tf.TensorInfo;
  };

  const multiply = (operands: Operands, backend: WasmBackend): tf.TensorInfo => {
    if (!transposedMovesLess(operands)) return untransposed(operands, backend);
    const { a, b, transposeA, transposeB } = operands;
    const product = untransposed({ a: b, b: a, transposeA: !transposeB, transposeB: !transposeA }, backend);
    const out = swapped(product, backend);
    backend.disposeData(product.dataId);
    return out;
  };

  const untransposed = ({ a, b, transposeA, transposeB }: Operands, backend: WasmBackend): tf.TensorInfo => {
    const left = transposeA ? swapped(a, backend) : a;
    const right = transposeB ? swapped(b, backend) : b;
    const out = multiplyEach(left, right, backend);
    if (left !== a) backend.disposeData(left.dataId);
    if (right !== b) backend.disposeData(right.dataId);
    return out;
  };

  const multiplyEach = (a: tf.TensorInfo, b: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo => {
    const { shape, m, n, k, count, left, right } = batchOf({ a, b, transposeA: false, transposeB: false });
    const out = backend.makeOutput(shape, 'float32');
    const [leftShape, rightShape] = [shapeBytes(1, m, k), shapeBytes(1, k, n)];
    const view = (tensor: tf.TensorInfo, index: number, size: number, body: (id: number) => void) =>
      withView(backend, offsetOf(backend, tensor) + 4 * index * size, size, body);
    for (let i = 0; i < count; i++)
      view(a, left(i), m * k, (aId) =>
        view(b, right(i), k * n, (bId) =>
          view(out, i, m * n, (outId) => matMul(aId, leftShape, 3, bId, rightShape, 3, 0, 0, outId)),
        ),
      );
    return out;
  };

  const setup = (backend: WasmBackend): void => {
    matMul = backend.wasm.cwrap('BatchMatMul', null, [
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
  };

  return { setup, multiply };
}

/** Elements that are packed and swapped: for A B, and for B^T A^T, whose result is swapped, too. */
function transposedMovesLess(operands: Operands): boolean {
  const { m, n, k } = batchOf(operands);
  const { transposeA, transposeB } = operands;
  const asIs = k * n + (transposeA ? m * k : 0) + (transposeB ? k * n : 0);
  const transposed = m * k + (transposeA ? 0 : m * k) + (transposeB ? 0 : k * n) + m * n;
  return transposed < asIs;
}

function shapeBytes(...shape: number[]): Uint8Array {
  return new Uint8Array(new Int32Array(shape).buffer);
}
