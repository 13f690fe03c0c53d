// BatchMatMul for wasm, for every transpose and every batch that broadcasts: by OpenBLAS where it is loaded, the operands where
// they lie on the heap, else by XNNPACK. tfjs-wasm's own kernel has XNNPACK for one un-transposed pair, and a loop at 1 to
// 2 GFLOP/s for the rest.
import * as tf from '#tfjs';
import type { OpenBlas } from '../../backends/openblas.js';
import { loadedOpenBlas } from '../../backends/wasm.js';
import { elements, floatsOf, offsetOf, type WasmBackend } from './heap.js';
import { batchOf, folded, type Operands } from './matrix-batch.js';
import { createXnnpackMatMul } from './xnnpack-mat-mul.js';

/** Below this many multiply-adds the set-up of a product costs more than the plain loop, which takes a whole batch at once. */
const LEAST_FOR_OPENBLAS = 128;
const LEAST_FOR_XNNPACK = 2048;

export function registerBatchMatMul(): void {
  const original = tf.getKernel('BatchMatMul', 'wasm');
  const xnnpack = createXnnpackMatMul();
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    kernelName: 'BatchMatMul',
    backendName: 'wasm',
    setupFunc: (backend) => {
      original.setupFunc?.(backend);
      xnnpack.setup(backend as WasmBackend);
    },
    kernelFunc: (args) => {
      const backend = args.backend as WasmBackend;
      const operands = { ...args.inputs, ...args.attrs } as unknown as Operands;
      const { shape, m, n, k, count } = batchOf(operands);
      if (count * m * n * k === 0) return zeros(shape, backend);
      const blas = loadedOpenBlas();
      const isSmall = m * n * k < (blas === null ? LEAST_FOR_XNNPACK : LEAST_FOR_OPENBLAS);
      const sizes = [operands.a, operands.b].map((x) => elements(x.shape.slice(0, -2)));
      const loopTakesIt = sizes[0] === sizes[1] || sizes.includes(1);
      if (isSmall && loopTakesIt) return original.kernelFunc(args);
      const multiplied =
        blas === null
          ? xnnpack.multiply(folded(operands), backend)
          : multiplyByOpenBlas(blas, folded(operands), backend);
      return { ...multiplied, shape };
    },
  });
}

function multiplyByOpenBlas(blas: OpenBlas, operands: Operands, backend: WasmBackend): tf.TensorInfo {
  const { a, b, transposeA, transposeB } = operands;
  const { shape, m, n, k, count, left, right } = batchOf(operands);
  const out = backend.makeOutput(shape, 'float32');
  const heap = heapAddress(blas, backend);
  const [atA, atB, atOut] = [a, b, out].map((x) => heap + offsetOf(backend, x)) as [number, number, number];
  const product = { m, n, k, transposeA, transposeB };
  for (let i = 0; i < count; i++)
    blas.multiply(product, atA + 4 * left(i) * m * k, atB + 4 * right(i) * k * n, atOut + 4 * i * m * n);
  return out;
}

/** The heap is another buffer after it has grown. */
let known: { buffer: ArrayBufferLike; address: number } | null = null;

function heapAddress(blas: OpenBlas, backend: WasmBackend): number {
  const { buffer } = backend.wasm.HEAPU8;
  if (known?.buffer !== buffer) known = { buffer, address: blas.addressOf(buffer) };
  return known.address;
}

function zeros(shape: number[], backend: WasmBackend): tf.TensorInfo {
  const out = backend.makeOutput(shape, 'float32');
  floatsOf(backend, out).fill(0);
  return out;
}
