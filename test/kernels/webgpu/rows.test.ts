import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import { addTo, placeRows, rowsOf } from '../../../src/kernels/webgpu/rows.js';
import { needsAdverseWebgpu } from './adverse-device.js';

for (const width of [3, 8])
  test.serial(`rows of ${width} are taken out, put in and added`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    (await startEngine('webgpu')).use();
    const matrix = tf.reshape(tf.range(0, 5 * width), [5, width]) as tf.Tensor2D;
    const rows = rowsOf(matrix, 2, 2);
    t.deepEqual(await rows.array(), (await matrix.array()).slice(2, 4));
    placeRows(rows, matrix, 3, { scalar: tf.scalar(2), factor: 0.5 });
    const wanted = Array.from({ length: 5 }, (_, row) => Math.max(0, row > 2 ? row - 1 : row));
    t.deepEqual(
      (await matrix.array()).map(([first]) => first! / width),
      wanted,
    );
    addTo(matrix, tf.mul(matrix, 2), { scalar: tf.scalar(4), factor: 0.25 });
    t.deepEqual(
      (await matrix.array()).map(([first]) => first! / width),
      wanted.map((row) => 3 * row),
    );
  });
