// Products of matrices: the square ones by which devices are compared, the shapes of a 340M model at 32,768 tokens, with the result in
// f32 and packed, with an MLP's activation, those of a weight's gradient, of a small model's, whose sums are taken in parts, and a
// decoding step.
import * as tf from '#tfjs';
import { packedAlone, toHalf, type HalfTensor } from '../../kernels/webgpu/half-tensor.js';
import { linearStep } from '../../kernels/webgpu/linear-step.js';
import { linearHalf, matMulF32, matMulHalf, matMulPacked, swiGluHalf } from '../../kernels/webgpu/matmul.js';
import type { Precision } from '../../kernels/webgpu/precision.js';
import { randomTensor, relativeError } from '../kernel-inputs.js';
import type { KernelCase } from '../kernel-case.js';

interface Size {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** As layers use them: y = x W^T, dx = dy W, dW = dy^T x. */
type Use = 'forward' | 'input gradient' | 'weight gradient';

const TRANSPOSES = {
  forward: { transposeA: false, transposeB: true },
  'input gradient': { transposeA: false, transposeB: false, inParts: true },
  'weight gradient': { transposeA: true, transposeB: false, inParts: true },
} as const satisfies Record<Use, object>;

const TOKENS = 32768;
const SQUARES = [4096, 8192].map((side) => ({ m: side, n: side, k: side }));
const LAYERS = [
  { m: TOKENS, n: 1024, k: 1024 },
  { m: TOKENS, n: 3072, k: 1024 },
  { m: TOKENS, n: 2816, k: 1024 },
  { m: TOKENS, n: 1024, k: 2816 },
  { m: TOKENS / 4, n: 32000, k: 1024 },
];
const LAYER = LAYERS[2]!;

/** Where errors are measured: ragged in M and N, and in K as far as whole vectors allow. */
const RAGGED = { m: 152, n: 136, k: 104 };
const RAGGED_IN_K = { ...RAGGED, k: 107 };
const IN_PARTS = { ...RAGGED, k: 2059 };

export const cases: KernelCase[] = [
  ...[...SQUARES, ...LAYERS].map((size) => productCase(size, 'forward', 'f16')),
  ...[...SQUARES, ...LAYERS.slice(0, 4)].map((size) => packedCase('packed', size)),
  packedCase('swiglu', LAYER),
  productCase({ m: TOKENS, n: LAYER.k, k: LAYER.n }, 'input gradient', 'f16'),
  productCase({ m: LAYER.n, n: LAYER.k, k: TOKENS }, 'weight gradient', 'f16'),
  productCase({ m: 256, n: 512, k: TOKENS }, 'weight gradient', 'f16', IN_PARTS),
  ...[SQUARES[0]!, ...LAYERS.slice(2, 4)].map((size) => productCase(size, 'forward', 'f32')),
  productCase({ m: TOKENS, n: LAYER.k, k: LAYER.n }, 'input gradient', 'f32'),
  productCase({ m: LAYER.n, n: LAYER.k, k: TOKENS }, 'weight gradient', 'f32'),
  productCase({ m: 128, n: 144, k: TOKENS / 8 }, 'weight gradient', 'f32', IN_PARTS),
  stepCase({ m: 1, n: 2816, k: 1024 }),
  stepCase({ m: 1, n: 32000, k: 1024 }),
];

function productCase(
  size: Size,
  use: Use,
  precision: Precision,
  checked = use === 'weight gradient' ? RAGGED_IN_K : RAGGED,
): KernelCase {
  const { m, n, k } = size;
  const options = TRANSPOSES[use];
  return {
    kernel: `matmul ${use}`,
    shape: `${m} x ${n} x ${k}`,
    precision,
    flops: 2 * m * n * k,
    bytes: (precision === 'f16' ? 2 : 4) * (m * k + n * k) + 4 * m * n,
    bound: 'arithmetic',
    prepare: () => {
      const [a, b] = operands(size, use);
      if (precision === 'f32') return { run: () => [matMulF32(a, b, options)], dispose: () => tf.dispose([a, b]) };
      // As they come from a layer: converted once, for several products.
      const [halfA, halfB] = [toHalf(a), toHalf(b)];
      tf.dispose([a, b]);
      return {
        run: () => [matMulPacked(halfA, halfB, options)],
        dispose: () => [halfA, halfB].forEach((half) => half.dispose()),
      };
    },
    error: () => errorAt(checked, use, precision),
  };
}

/** Packed rows and packed weights, one or two, to a packed result: what a layer in f16 multiplies. */
function packedCase(result: 'packed' | 'swiglu', size: Size): KernelCase {
  const { m, n, k } = size;
  const weights = result === 'swiglu' ? 2 : 1;
  const multiply = (x: tf.Tensor2D, w: readonly HalfTensor[]) =>
    result === 'swiglu' ? swiGluHalf(x, w[0]!, w[1]!) : linearHalf(x, w[0]!);
  const made = ({ m, n, k }: Size) => ({
    x: packedAlone(randomTensor([m, k], 1) as tf.Tensor2D),
    w: Array.from({ length: weights }, (_, i) => randomTensor([n, k], i + 2) as tf.Tensor2D),
  });
  return {
    kernel: `matmul ${result}`,
    shape: `${m} x ${n} x ${k}`,
    precision: 'f16',
    flops: 2 * weights * m * n * k,
    bytes: 2 * (m * k + weights * n * k + m * n),
    bound: 'arithmetic',
    prepare: () => {
      const { x, w } = made(size);
      const halves = w.map(toHalf);
      tf.dispose(w);
      return {
        run: () => [multiply(x, halves)],
        dispose: () => [x, ...halves].forEach((matrix) => matrix.dispose()),
      };
    },
    error: async () => {
      const { x, w } = made(RAGGED);
      const y = await multiply(x, w.map(toHalf)).data();
      const rows = await x.data();
      const products = await Promise.all(w.map(async (w) => inF64(RAGGED, 'forward', rows, await w.data())));
      return relativeError(
        y,
        products[0]!.map((gate, i) => (weights === 2 ? silu(gate) * products[1]![i]! : gate)),
      );
    },
  };
}

function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

function stepCase(size: Size): KernelCase {
  const { m, n, k } = size;
  return {
    kernel: 'matvec',
    shape: `${m} x ${n} x ${k}`,
    precision: 'f16',
    flops: 2 * m * n * k,
    bytes: 2 * n * k + 4 * m * (n + k),
    bound: 'memory',
    prepare: () => {
      const [x, w] = operands(size, 'forward');
      const half = toHalf(w);
      w.dispose();
      return {
        run: () => [linearStep(x, half)],
        dispose: () => {
          x.dispose();
          half.dispose();
        },
      };
    },
    error: async () => {
      const small = { m: 3, n: 75, k: 72 };
      const [x, w] = operands(small, 'forward');
      const y = linearStep(x, toHalf(w));
      return relativeError(await y.data(), inF64(small, 'forward', await x.data(), await w.data()));
    },
  };
}

function operands({ m, n, k }: Size, use: Use): [tf.Tensor2D, tf.Tensor2D] {
  const { transposeA, transposeB } = TRANSPOSES[use];
  const a = randomTensor(transposeA ? [k, m] : [m, k], 1);
  const b = randomTensor(transposeB ? [n, k] : [k, n], 2);
  return [a as tf.Tensor2D, b as tf.Tensor2D];
}

async function errorAt(size: Size, use: Use, precision: Precision): Promise<number> {
  const [a, b] = operands(size, use);
  const product = precision === 'f16' ? matMulHalf(a, b, TRANSPOSES[use]) : matMulF32(a, b, TRANSPOSES[use]);
  const error = relativeError(await product.data(), inF64(size, use, await a.data(), await b.data()));
  tf.dispose([a, b, product]);
  return error;
}

function inF64({ m, n, k }: Size, use: Use, a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const { transposeA, transposeB } = TRANSPOSES[use];
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let l = 0; l < k; l++)
        out[i * n + j]! += a[transposeA ? l * m + i : i * k + l]! * b[transposeB ? j * k + l : l * n + j]!;
  return out;
}
