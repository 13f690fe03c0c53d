import * as tf from '#tfjs';
import test from 'ava';
import { sortById } from '../../../src/kernels/webgpu/sort-by-id.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { randomValues } from './fused-agrees.js';

// One, two and three kernels; a step of an invocation, and more than it has in flight at once.
for (const [vocabulary, count] of [
  [3, 1],
  [255, 300],
  [256, 4500],
  [5000, 257],
  [70000, 600],
] as const)
  test.serial(`${count} positions are sorted by ids of ${vocabulary}`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const values = randomValues([count], 3).values.map((x) => Math.floor(1.01 * x ** 3 * vocabulary));
    const ids = tf.tensor1d(values, 'int32');
    const { sorted, order, starts } = sortById(ids, vocabulary);
    const keyOf = (position: number) => (values[position]! < 0 ? vocabulary : Math.min(values[position]!, vocabulary));
    const places = [...(await order.data())];
    const wanted = Array.from(values, (_, position) => keyOf(position)).sort((a, b) => a - b);
    t.deepEqual(places.map(keyOf), wanted);
    t.deepEqual([...(await sorted.data())], wanted);
    t.is(new Set(places).size, count);
    const begins = [...(await starts.data())];
    t.is(begins.length, vocabulary + 1);
    const lower = new Array<number>(vocabulary + 1).fill(0);
    for (const key of wanted) if (key < vocabulary) lower[key + 1]!++;
    for (let id = 1; id <= vocabulary; id++) lower[id]! += lower[id - 1]!;
    t.deepEqual(begins, lower);
    tf.dispose([ids, sorted, order, starts]);
  });
