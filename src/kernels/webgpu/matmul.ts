// Which kernel multiplies two matrices: tensor cores for packed f16 operands, tiles in f32 otherwise (the few rows of a decoding
// step have kernels of their own: linear-step.ts). It stands in for TensorFlow.js's BatchMatMul, so that composite forms and the
// gradients of the tape run on it too.
import * as tf from '#tfjs';
import { fitsHalf, type HalfTensor, HALVES_PER_VECTOR, packedAlone, packedOf, toHalf } from './half-tensor.js';
import { partsOf, sumParts, whole } from './matmul-parts.js';
import { columnsOfTile, edgesOf, SLICE, TILE, tensorCoreProgram } from './matmul-tensor-core.js';
import { tiledProgram, type Tiling } from './matmul-tiled.js';
import { usesTensorCores } from './precision.js';
import { deviceBackend, run, workgroupsFor } from './runner.js';

export interface MatMulOptions {
  /** a is [..., K, M] in place of [..., M, K]. */
  readonly transposeA?: boolean;
  /** b is [..., N, K] in place of [..., K, N]. */
  readonly transposeB?: boolean;
  /** Of the product's shape; added to it. */
  readonly residual?: tf.Tensor;
  /**
   * A long sum may be taken in parts where there are few of them, as in gradients. Otherwise each is one sum in order, so that the
   * bits of a row do not depend on how many rows there are.
   */
  readonly inParts?: boolean;
}

/** a [..., M, K] times b [..., K, N] -> [..., M, N] in f32. The leading dimensions agree, or one of the two has none. */
export function matMulF32(a: tf.TensorInfo, b: tf.TensorInfo, options: MatMulOptions = {}): tf.Tensor {
  const { transposeA = false, transposeB = false } = options;
  const [batchA, batchB] = [leading(a.shape), leading(b.shape)];
  const batch = wider(batchA, batchB);
  const [m, k] = transposeA ? lastTwoSwapped(a.shape) : lastTwo(a.shape);
  const n = transposeB ? b.shape.at(-2)! : b.shape.at(-1)!;
  const batched = [product(batchA) > 1 ? 1 : 0, product(batchB) > 1 ? 1 : 0] as const;
  return tiled(a, b, { m, n, k, batch: [...batch], batched, halfB: false, ...options });
}

/**
 * x [rows, K] times the packed weight [N, K] -> [rows, N] (+ residual): what a layer computes from weights in f16. The product is
 * packed where x is, unless something is added or that is not wanted.
 */
export function linearHalf(
  x: tf.Tensor2D,
  weight: HalfTensor,
  { residual, packed = true }: { readonly residual?: tf.Tensor2D; readonly packed?: boolean } = {},
): tf.Tensor2D {
  const [rows, k] = x.shape;
  const n = weight.shape[0];
  const product = { m: rows, n, k, transposeB: true, ...(residual && { residual }) };
  const packs = packed && residual === undefined && packedOf(x) !== undefined && n % HALVES_PER_VECTOR === 0;
  if (usesTensorCores()) return tensorCore(toHalf(x), weight, product, packs ? 'packed' : 'f32');
  const y = tiled(x, weight.words, { ...product, batch: [], batched: [0, 0], halfB: true }) as tf.Tensor2D;
  return packs ? packedAlone(y) : y;
}

/** silu(x gate^T) * (x up^T), packed: x [rows, K], the weights [N, K] -> [rows, N]; for devices with tensor cores. */
export function swiGluHalf(x: tf.Tensor2D, gate: HalfTensor, up: HalfTensor): tf.Tensor2D {
  const [rows, k] = x.shape;
  const [n] = gate.shape;
  const [y] = run({
    program: tensorCoreProgram({
      ...{ transposeA: false, transposeB: true, residual: false, inParts: false, result: 'swiglu' },
      ...edgesOf(rows, n, k, columnsOfTile({ result: 'swiglu' })),
    }),
    inputs: [toHalf(x).words, gate.words, up.words],
    outputs: [{ shape: [rows, n], packed: true }],
    uniforms: [rows, n, k, k],
    workgroups: [Math.ceil(rows / TILE) * Math.ceil(n / columnsOfTile({ result: 'swiglu' }))],
  });
  return y as tf.Tensor2D;
}

/** Whether f32 matrices of these shapes can be multiplied in f16: asked for, and rows of whole vectors on both sides. */
export function multipliesInHalf(...shapes: (readonly number[])[]): boolean {
  return usesTensorCores() && shapes.every(fitsHalf);
}

/** Two f32 matrices, multiplied in f16 with f32 sums. Shapes as for `multipliesInHalf`. */
export function matMulHalf(a: tf.Tensor2D, b: tf.Tensor2D, options: MatMulOptions = {}): tf.Tensor2D {
  return matMulPacked(toHalf(a), toHalf(b), options);
}

/** The same for matrices that are packed already; for devices with tensor cores. */
export function matMulPacked(a: HalfTensor, b: HalfTensor, options: MatMulOptions = {}): tf.Tensor2D {
  const [m, k] = options.transposeA === true ? lastTwoSwapped(a.shape) : lastTwo(a.shape);
  const n = options.transposeB === true ? b.shape[0] : b.shape[1];
  return tensorCore(a, b, { m, n, k, ...options });
}

export function registerMatMul(): void {
  tf.unregisterKernel('BatchMatMul', 'webgpu');
  tf.registerKernel({
    kernelName: 'BatchMatMul',
    backendName: 'webgpu',
    kernelFunc: ({ inputs, attrs }) => {
      const { a, b } = inputs as unknown as { a: tf.TensorInfo; b: tf.TensorInfo };
      const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
      // Where A is transposed the sum is over rows of both: a gradient's.
      return matMulF32(a, b, { transposeA, transposeB, inParts: transposeA });
    },
  });
}

interface Product extends MatMulOptions {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

function tensorCore(a: HalfTensor, b: HalfTensor, product: Product, result: 'f32' | 'packed' = 'f32'): tf.Tensor2D {
  const { m, n, k, transposeA = false, transposeB = false, residual, inParts = false } = product;
  const tiles = Math.ceil(m / TILE) * Math.ceil(n / TILE);
  const parts = inParts ? partsOf(tiles, k, SLICE) : whole(k);
  const cut = parts.count > 1;
  const added = residual === undefined || cut ? [] : [residual];
  const [c] = run({
    program: tensorCoreProgram({
      transposeA,
      transposeB,
      residual: added.length > 0,
      ...edgesOf(m, n, k),
      inParts: cut,
      result,
    }),
    inputs: [a.words, b.words, ...added],
    outputs: [{ shape: cut ? [parts.count, m, n] : [m, n], packed: result === 'packed' }],
    uniforms: [m, n, k, parts.length],
    workgroups: [tiles, 1, parts.count],
  });
  return (cut ? sumParts(c, parts.count, [m, n], residual) : c) as tf.Tensor2D;
}

/** Tiles that keep the device busy; below, smaller ones are better. */
const ENOUGH_TILES = 128;

interface TiledProduct extends Product {
  readonly batch: readonly number[];
  readonly batched: readonly [number, number];
  readonly halfB: boolean;
}

function tiled(a: tf.TensorInfo, b: tf.TensorInfo, product: TiledProduct): tf.Tensor {
  const { m, n, k, batch, batched, halfB, transposeA = false, transposeB = false, residual, inParts = false } = product;
  const count = batch.reduce((size, length) => size * length, 1);
  if (k === 0) return tf.zeros([...batch, m, n]);
  const tiling = tilingFor(m, n, count);
  const tiles = Math.ceil(m / tiling.tile) * Math.ceil(n / tiling.tile);
  const parts = inParts ? partsOf(tiles * count, k, tiling.slice) : whole(k);
  const cut = parts.count > 1;
  const added = residual === undefined || cut ? [] : [residual];
  const [c] = run({
    program: tiledProgram({
      ...tiling,
      transposeA,
      transposeB,
      halfB,
      vectorA: (transposeA ? m : k) % 4 === 0,
      vectorB: (transposeB ? k : n) % 4 === 0,
      vectorC: n % 4 === 0,
      residual: added.length > 0,
      tail: k % tiling.slice !== 0,
      inParts: cut,
    }),
    inputs: [a, b, ...added],
    outputs: [{ shape: cut ? [...batch, parts.count, m, n] : [...batch, m, n] }],
    uniforms: [m, n, k, ...batched, count, parts.count, parts.length],
    workgroups: [tiles, ...workgroupsFor(count * parts.count, 1)],
  });
  return cut ? sumParts(c, parts.count, [...batch, m, n], residual) : c;
}

/** The sums are the same in every tiling, so that the batch may choose it. */
function tilingFor(m: number, n: number, count: number): Tiling {
  const large = Math.ceil(m / 128) * Math.ceil(n / 128) * count;
  if (large < ENOUGH_TILES) return { tile: 64, slice: 16 };
  const room = deviceBackend().device.limits.maxComputeWorkgroupStorageSize;
  return { tile: 128, slice: room >= 32768 ? 16 : 8 };
}

/** The batch that both are spread to. */
function wider(a: readonly number[], b: readonly number[]): readonly number[] {
  if (product(a) !== product(b)) return product(a) > product(b) ? a : b;
  return a.length >= b.length ? a : b;
}

function leading(shape: readonly number[]): number[] {
  return shape.slice(0, -2);
}

function lastTwo(shape: readonly number[]): [number, number] {
  return [shape.at(-2)!, shape.at(-1)!];
}

function lastTwoSwapped(shape: readonly number[]): [number, number] {
  return [shape.at(-1)!, shape.at(-2)!];
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}
