import * as tf from '#tfjs';
import test from 'ava';
import { scanForward } from '../../../src/kernels/webgpu/selective-scan.js';
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
  { batch: 2, length: 1030, channels: 6, states: 5 },
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

// Eight rows fill the device, so that each is one run of segments; one row by itself is three runs.
test.serial('the bits of a row do not depend on the batch', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const [batch, length, channels, states] = [8, 530, 512, 64];
  const tensor = (seed: number, shape: number[], range?: [number, number]) =>
    tf.tensor(randomTensor(seed, shape, range).values, shape);
  const bits = async (rows: number) => {
    const first = <T extends tf.Tensor>(x: T) => tf.slice(x, 0, rows);
    const [y, state] = tf.tidy(() =>
      scanForward({
        x: first(tensor(1, [batch, length, channels]) as tf.Tensor3D),
        dt: first(tensor(2, [batch, length, channels], [0.001, 0.1]) as tf.Tensor3D),
        a: tensor(3, [channels, states], [-4, -0.01]) as tf.Tensor2D,
        b: first(tensor(4, [batch, length, states]) as tf.Tensor3D),
        c: first(tensor(5, [batch, length, states]) as tf.Tensor3D),
        d: tensor(6, [channels]),
        initial: first(tensor(7, [batch, states, channels]) as tf.Tensor3D),
      }).map((output) => tf.slice(output, 0, 1)),
    ) as [tf.Tensor, tf.Tensor];
    const values = [await y.data(), await state.data()] as Float32Array[];
    tf.dispose([y, state]);
    return values.flatMap((x) => [...new Uint32Array(x.buffer, x.byteOffset, x.length)]);
  };
  const [one, eight] = [await bits(1), await bits(batch)];
  t.is(one.filter((x, i) => x !== eight[i]).length, 0);
});
