import type * as tf from '#tfjs';
import test from 'ava';
import { selectiveScan } from '../../../src/ops/selective-scan.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { fusedAgainstReference, randomTensor } from './fused-and-reference.js';

interface Shape {
  readonly batch: number;
  readonly length: number;
  readonly channels: number;
  readonly states: number;
}

const SHAPES: Shape[] = [
  { batch: 2, length: 1, channels: 5, states: 2 },
  { batch: 1, length: 17, channels: 130, states: 16 },
  { batch: 2, length: 65, channels: 8, states: 7 },
  { batch: 1, length: 256, channels: 3, states: 4 },
  { batch: 1, length: 9, channels: 30, states: 70 },
  { batch: 2, length: 530, channels: 20, states: 16 },
  { batch: 2, length: 4110, channels: 6, states: 5 },
];

for (const shape of SHAPES)
  test.serial(`the fused selective scan is the reference: ${JSON.stringify(shape)}`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const { batch, length, channels, states } = shape;
    const inputs = {
      x: randomTensor(1, [batch, length, channels]),
      dt: randomTensor(2, [batch, length, channels], [0.001, 0.5]),
      a: randomTensor(3, [channels, states], [-4, -0.01]),
      b: randomTensor(4, [batch, length, states]),
      c: randomTensor(5, [batch, length, states]),
      d: randomTensor(6, [channels]),
      initial: randomTensor(7, [batch, states, channels]),
    };
    const errors = await fusedAgainstReference(inputs, ({ x, dt, a, b, c, d, initial }) => ({
      ...selectiveScan({
        ...{ x: x as tf.Tensor3D, dt: dt as tf.Tensor3D, a: a as tf.Tensor2D, b: b as tf.Tensor3D },
        ...{ c: c as tf.Tensor3D, d, initial: initial as tf.Tensor3D },
      }),
    }));
    for (const [name, error] of Object.entries(errors))
      t.true(error < (name.startsWith('d ') ? 1e-5 : 2e-6), `${name}: ${error}`);
  });
