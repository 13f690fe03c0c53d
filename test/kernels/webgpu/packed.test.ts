// Tensors whose elements are held in f16: what kernels that know it compute of them is what they compute of the same numbers in f32,
// and everything else gets them unpacked.
import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import { HalfTensor, packedAlone, packedOf, toHalf } from '../../../src/kernels/webgpu/half-tensor.js';
import { usePrecision } from '../../../src/kernels/webgpu/precision.js';
import { uninitialised } from '../../../src/kernels/webgpu/runner.js';
import { gatedRmsNorm, rmsNormOfGated } from '../../../src/ops/gated-rms-norm.js';
import { l2Norm } from '../../../src/ops/l2-norm.js';
import { linear } from '../../../src/ops/linear.js';
import { steppedByHead, withSkip } from '../../../src/ops/mamba2-terms.js';
import { normedSum } from '../../../src/ops/normed-sum.js';
import { normedSwiGlu } from '../../../src/ops/normed-swiglu.js';
import { rmsNorm } from '../../../src/ops/rms-norm.js';
import { rotate, rotateNeighbours } from '../../../src/ops/rotary.js';
import { shortConvolution } from '../../../src/ops/short-convolution.js';
import { silu } from '../../../src/ops/silu.js';
import { splitColumns } from '../../../src/ops/split-columns.js';
import { swiGlu } from '../../../src/ops/swiglu.js';
import { relativeDifference } from '../../ops/differences.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { randomValues } from './fused-agrees.js';

const random = (seed: number, shape: number[]) => {
  const { values } = randomValues(shape, seed);
  return tf.tensor(values, shape);
};

/** Of a rounding to f16, in the norm; that of a result is one more. */
const ROUNDED = 3e-4;

/** Formulas of packed tensors, from seeded shapes; the results are packed, but for those that are named so. */
const FORMULAS: Record<string, { shapes: number[][]; compute: (...inputs: tf.Tensor[]) => tf.Tensor[] }> = {
  'RMS norm': {
    shapes: [[3, 7, 72]],
    compute: (x) => [rmsNorm({ x: x!, weight: random(9, [72]) }, { epsilon: 1e-5 })],
  },
  'vectors of length one': { shapes: [[2, 3, 5, 24]], compute: (x) => [l2Norm({ x: x! }, null)] },
  'gated norms': {
    shapes: [
      [2, 5, 3, 40],
      [2, 5, 3, 40],
    ],
    compute: (x, gate) =>
      [gatedRmsNorm, rmsNormOfGated].map((norm) =>
        norm({ x: x!, gate: gate!, weight: random(9, [40]) }, { epsilon: 1e-5 }),
      ),
  },
  activations: {
    shapes: [
      [3, 17, 8],
      [3, 17, 8],
    ],
    compute: (gate, up) => [swiGlu({ gate: gate!, up: up! }, {}), silu(gate!), tf.add(gate!, up!)],
  },
  rotations: {
    shapes: [[2, 3, 19, 16]],
    compute: (x) => [rotate(x as tf.Tensor4D, 10000, 300), rotateNeighbours(x as tf.Tensor4D, 10000, 5, 16)],
  },
  'heads split from channels': {
    shapes: [[2, 19, 3, 24]],
    compute: (x) => [tf.transpose(x!, [0, 2, 1, 3]), tf.transpose(x!, [2, 0, 1, 3])],
  },
  columns: { shapes: [[3, 5, 48]], compute: (x) => splitColumns(x as tf.Tensor3D, [16, 8, 24]) },
  "the terms around Mamba2's recurrence": {
    shapes: [[2, 5, 3, 8]],
    compute: (x) => [
      steppedByHead({ x: x as tf.Tensor4D, step: random(9, [2, 5, 3]) as tf.Tensor3D }),
      ...[1, 8].map((size) =>
        withSkip({
          ...{ o: random(8, [2, 3, 5, 8]) as tf.Tensor4D, x: x as tf.Tensor4D },
          d: random(7, [3, size]) as tf.Tensor2D,
        }),
      ),
    ],
  },
  'short convolution': {
    shapes: [[2, 21, 24]],
    compute: (x) => [
      shortConvolution({ x: x as tf.Tensor3D, weight: random(9, [24, 1, 4]) as tf.Tensor3D, state: null }, 'silu').y,
    ],
  },
  'product with a packed weight': {
    shapes: [[2, 9, 40]],
    compute: (x) => [linear(x!, toHalf(random(9, [16, 40])))],
  },
};

for (const [name, { shapes, compute }] of Object.entries(FORMULAS))
  test.serial(`${name}: of packed elements it is what it is of them in f32, packed`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    (await startEngine('webgpu')).use();
    const packed = shapes.map((shape, i) => packedAlone(random(i + 1, shape)));
    const plain = await Promise.all(packed.map(async (x) => tf.tensor(await x.data(), x.shape)));
    const [found, wanted] = [compute(...packed), compute(...plain)];
    for (const [i, x] of found.entries()) {
      t.truthy(packedOf(x), `output ${i} is packed`);
      const off = relativeDifference(await x.data(), await wanted[i]!.data());
      t.true(off < ROUNDED, `output ${i} is off by ${off}`);
    }
  });

test.serial('what follows from rows in f16 is held as is asked for', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const [x, y, weight] = [random(1, [2, 5, 72]), random(2, [2, 5, 72]), random(3, [72])];
  const half = packedAlone(tf.mul(y, 1));
  const [sum, normed] = normedSum({ x, y: half, weight }, { epsilon: 1e-5, packed: true });
  const [plainSum, plainNormed] = normedSum({ x, y: tf.tensor(await half.data(), y.shape), weight }, { epsilon: 1e-5 });
  t.is(packedOf(sum), undefined);
  t.truthy(packedOf(normed));
  t.is(packedOf(plainNormed), undefined);
  t.deepEqual(await sum.data(), await plainSum.data());
  t.true(relativeDifference(await normed.data(), await plainNormed.data()) < ROUNDED);
  const projection = toHalf(random(4, [16, 72]));
  t.is(packedOf(linear(normed, projection, undefined, 'f32')), undefined);
  const [, activated] = normedSwiGlu(
    { x, y, weight },
    { epsilon: 1e-5, packed: true, gate: projection, up: projection },
  );
  t.truthy(packedOf(activated));
});

test.serial('a product with packed elements beside f32 reads both', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const [x, y] = [random(1, [3, 16]), packedAlone(random(2, [3, 16]))];
  const sum = tf.add(x, y);
  t.is(packedOf(sum), undefined);
  const [a, b] = [await x.data(), await y.data()];
  t.deepEqual(
    await sum.data(),
    a.map((value, i) => value + b[i]!),
  );
});

test.serial('whatever does not know packed elements gets them in f32', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const x = packedAlone(tf.tensor2d([[1, -2, 0.5, 1024, 0, 3, -0.25, 7]]));
  t.deepEqual([...(await tf.mul(x, 2).data())], [2, -4, 1, 2048, 0, 6, -0.5, 14]);
  t.deepEqual([...(await tf.reshape(x, [2, 4]).data())], [1, -2, 0.5, 1024, 0, 3, -0.25, 7]);
});

test.serial('words live as long as their tensor, and are all that it takes', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  usePrecision('f32');
  const before = tf.memory().numTensors;
  const kept = tf.tidy(() => tf.reshape(packedAlone(random(1, [4, 64])), [2, 128]));
  const words = packedOf(kept)!;
  t.false(words.isDisposed);
  t.is(toHalf(kept).words, words);
  t.true(toHalf(kept) instanceof HalfTensor);
  const [first] = await kept.data();
  t.true(Number.isFinite(first));
  kept.dispose();
  t.true(words.isDisposed);
  t.is(tf.memory().numTensors, before);
  t.is(packedOf(uninitialised([3])), undefined);
});
