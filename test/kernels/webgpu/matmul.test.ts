import test from 'ava';
import * as tf from '#tfjs';
import { startEngine } from '../../../src/backends/engine.js';
import '../../../src/kernels/register.js';
import { fitsHalf, toHalf } from '../../../src/kernels/webgpu/half-tensor.js';
import { halfRows } from '../../../src/kernels/webgpu/half-rows.js';
import { linearStep } from '../../../src/kernels/webgpu/linear-step.js';
import { linearHalf, matMulF32 } from '../../../src/kernels/webgpu/matmul.js';
import { partsOf } from '../../../src/kernels/webgpu/matmul-parts.js';
import { seededNumbers } from '../../seeded-numbers.js';
import { needsAdverseWebgpu } from './adverse-device.js';

type Matrices = { values: Float32Array; shape: number[] };

const random = seededNumbers(7);
const matrices = (...shape: number[]): Matrices => ({
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() - 0.5),
  shape,
});

/** The product in f64, element by element. */
function expected(a: Matrices, b: Matrices, transposeA: boolean, transposeB: boolean): number[] {
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const n = transposeB ? rowsB : columnsB;
  const batches = Math.max(a.values.length / (m * k), b.values.length / (k * n));
  const out: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const fromA = a.values.length === m * k ? 0 : batch * m * k;
    const fromB = b.values.length === k * n ? 0 : batch * k * n;
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++)
          sum +=
            a.values[fromA + (transposeA ? l * m + i : i * k + l)]! *
            b.values[fromB + (transposeB ? j * k + l : l * n + j)]!;
        out.push(sum);
      }
  }
  return out;
}

function relativeError(got: ArrayLike<number>, wanted: readonly number[]): number {
  let difference = 0;
  let norm = 0;
  wanted.forEach((value, i) => {
    difference += (got[i]! - value) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(difference / norm);
}

const upload = ({ values, shape }: Matrices) => tf.tensor(values, shape);
const [no, yes] = [false, true];
const TRANSPOSES = [
  [no, no],
  [no, yes],
  [yes, no],
  [yes, yes],
] as const;

test.serial('products of ragged shapes, transposed or not, batched or spread over a batch', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const shapes = [
    { m: 1, n: 1, k: 1, batchA: [], batchB: [] },
    { m: 65, n: 130, k: 17, batchA: [], batchB: [] },
    { m: 64, n: 64, k: 64, batchA: [3], batchB: [3] },
    { m: 33, n: 20, k: 36, batchA: [2, 2], batchB: [] },
    { m: 7, n: 72, k: 5, batchA: [], batchB: [4] },
    { m: 130, n: 132, k: 40, batchA: [33], batchB: [33] },
  ];
  for (const { m, n, k, batchA, batchB } of shapes)
    for (const [transposeA, transposeB] of TRANSPOSES) {
      const a = matrices(...batchA, ...(transposeA ? [k, m] : [m, k]));
      const b = matrices(...batchB, ...(transposeB ? [n, k] : [k, n]));
      const [left, right] = [upload(a), upload(b)];
      const product = tf.matMul(left, right, transposeA, transposeB);
      const name = `${m} x ${n} x ${k}, ${String(transposeA)}, ${String(transposeB)}`;
      t.deepEqual(product.shape, [...(batchA.length > batchB.length ? batchA : batchB), m, n], name);
      t.true(relativeError(await product.data(), expected(a, b, transposeA, transposeB)) < 1e-6, name);
      tf.dispose([left, right, product]);
    }
});

test.serial('a residual is added', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const [a, b, r] = [matrices(70, 24), matrices(30, 24), matrices(70, 30)];
  const sum = matMulF32(upload(a), upload(b), { transposeB: true, residual: upload(r) });
  const wanted = expected(a, b, no, yes).map((value, i) => value + r.values[i]!);
  t.true(relativeError(await sum.data(), wanted) < 1e-6);
});

test.serial('sums taken in parts are those of the whole', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const shapes = [
    { m: 7, n: 5, k: 1027, batch: [] },
    { m: 65, n: 36, k: 2056, batch: [] },
    { m: 20, n: 24, k: 1100, batch: [3, 2] },
  ];
  for (const { m, n, k, batch } of shapes)
    for (const [transposeA, transposeB] of TRANSPOSES) {
      const a = matrices(...batch, ...(transposeA ? [k, m] : [m, k]));
      const b = matrices(...batch, ...(transposeB ? [n, k] : [k, n]));
      const r = matrices(...batch, m, n);
      const [left, right, residual] = [upload(a), upload(b), upload(r)];
      const options = { transposeA, transposeB, inParts: true };
      const [product, sum] = [matMulF32(left, right, options), matMulF32(left, right, { ...options, residual })];
      const name = `${m} x ${n} x ${k}, ${String(transposeA)}, ${String(transposeB)}`;
      const wanted = expected(a, b, transposeA, transposeB);
      const plus = wanted.map((value, i) => value + r.values[i]!);
      t.deepEqual(product.shape, [...batch, m, n], name);
      t.true(relativeError(await product.data(), wanted) < 1e-6, name);
      t.true(relativeError(await sum.data(), plus) < 1e-6, name);
      tf.dispose([left, right, residual, product, sum]);
    }
});

test.serial('one matrix for a whole batch is summed in parts, too', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const [a, b] = [matrices(3, 1500, 9), matrices(1500, 12)];
  const product = tf.matMul(upload(a), upload(b), true);
  t.true(relativeError(await product.data(), expected(a, b, yes, no)) < 1e-6);
});

test.serial('a row of a long forward product has the same bits however many rows there are', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const [x, w] = [upload(matrices(140, 2048)), upload(matrices(80, 2048))];
  const all = await tf.matMul(x, w, false, true).data();
  const few = await tf.matMul(tf.slice(x, [0, 0], [3, -1]), w, false, true).data();
  t.deepEqual(few, all.slice(0, 3 * 80));
});

test('K is cut into parts of whole slices where tiles are few and sums are long', (t) => {
  t.deepEqual(partsOf(8, 32768, 32), { count: 32, length: 1024 });
  t.deepEqual(partsOf(6, 4096, 16), { count: 16, length: 256 });
  t.deepEqual(partsOf(1, 1100, 16), { count: 4, length: 288 });
  for (const [tiles, k] of [
    [1, 1024],
    [128, 32768],
    [0, 4096],
  ] as const)
    t.deepEqual(partsOf(tiles, k, 16), { count: 1, length: k });
});

test.serial('weights in f16 multiply as the rounded numbers they are', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const [x, w] = [matrices(37, 48), matrices(70, 48)];
  const packed = toHalf(upload(w));
  t.deepEqual(packed.shape, [70, 48]);
  const rounded = { values: Float32Array.from(w.values, toNearestHalf), shape: w.shape };
  const wanted = expected(x, rounded, no, yes);
  const input = upload(x) as tf.Tensor2D;
  t.true(relativeError(await linearHalf(input, packed).data(), wanted) < 1e-6);
  const few = tf.slice(input, [0, 0], [5, -1]);
  t.true(relativeError(await linearStep(few, packed).data(), wanted.slice(0, 5 * 70)) < 1e-6);
  t.true(relativeError(await linearStep(few, upload(rounded)).data(), wanted.slice(0, 5 * 70)) < 1e-6);
  const rows = halfRows(packed, tf.tensor1d([69, 0, 3], 'int32'));
  const rowOf = (i: number) => [...rounded.values.subarray(48 * i, 48 * i + 48)];
  t.deepEqual([...(await rows.data())], [...rowOf(69), ...rowOf(0), ...rowOf(3)]);
});

test('only rows of whole vectors are packed', (t) => {
  t.true(fitsHalf([3, 16]));
  t.false(fitsHalf([3, 12]));
  t.false(fitsHalf([16]));
});

/** For normal numbers: rounds the significand to eleven bits, ties to even. */
function toNearestHalf(value: number): number {
  if (value === 0) return 0;
  const unit = 2 ** Math.max(Math.floor(Math.log2(Math.abs(value))) - 10, -24);
  const scaled = value / unit;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  return (floor + (up ? 1 : 0)) * unit;
}
