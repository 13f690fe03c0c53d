import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { selectiveScan, selectiveScanOp, type SelectiveScanInputs } from '../../src/ops/selective-scan.js';
import { relativeDifference } from './differences.js';

interface Shape {
  readonly batch: number;
  readonly length: number;
  readonly channels: number;
  readonly states: number;
}

const SHAPES: readonly Shape[] = [
  { batch: 1, length: 1, channels: 3, states: 2 },
  { batch: 2, length: 2, channels: 5, states: 4 },
  { batch: 1, length: 64, channels: 4, states: 3 },
  { batch: 2, length: 65, channels: 3, states: 4 },
  { batch: 3, length: 200, channels: 2, states: 16 },
];

function randomInputs({ batch, length, channels, states }: Shape): SelectiveScanInputs {
  const normal = <R extends tf.Rank>(shape: tf.ShapeMap[R], seed: number) =>
    tf.randomNormal<R>(shape, 0, 1, 'float32', seed);
  return {
    x: normal([batch, length, channels], 1),
    dt: tf.abs(normal<tf.Rank.R3>([batch, length, channels], 2)),
    a: tf.neg(tf.add(tf.abs(normal<tf.Rank.R2>([channels, states], 3)), 0.01)),
    b: normal([batch, length, states], 4),
    c: normal([batch, length, states], 5),
    d: normal([channels], 6),
    initial: normal([batch, states, channels], 7),
  };
}

/** The recurrence, in f64, one state at a time: y and below it the state, [B, T + N, I]. */
async function byDefinition(inputs: SelectiveScanInputs, { batch, length, channels, states }: Shape) {
  const [x, dt, b, c, initial] = await Promise.all(
    [inputs.x, inputs.dt, inputs.b, inputs.c, inputs.initial].map((tensor) => tensor.array()),
  );
  const [a, d] = [await inputs.a.array(), (await inputs.d.array()) as number[]];
  return Array.from({ length: batch }, (_, row) => {
    const h = initial![row]!.map((state) => [...state]);
    const y = Array.from({ length }, (_, t) =>
      Array.from({ length: channels }, (_, i) => {
        const [value, step] = [x![row]![t]![i]!, dt![row]![t]![i]!];
        let sum = d[i]! * value;
        for (let n = 0; n < states; n++) {
          h[n]![i] = Math.exp(step * a[i]![n]!) * h[n]![i]! + step * value * b![row]![t]![n]!;
          sum += h[n]![i]! * c![row]![t]![n]!;
        }
        return sum;
      }),
    );
    return [y, h];
  }).flat(4);
}

for (const backend of ['cpu', 'wasm'] as const)
  for (const shape of SHAPES)
    test.serial(`${JSON.stringify(shape)} on ${backend}: both forms are the recurrence`, async (t) => {
      (await startEngine(backend)).use();
      const inputs = randomInputs(shape);
      const wanted = await byDefinition(inputs, shape);
      const [fused, reference] = [selectiveScanOp(inputs, null), selectiveScanOp.definition.reference(inputs, null)];
      t.true(relativeDifference(await tf.concat(fused, 1).data(), wanted) < 1e-6);
      t.true(relativeDifference(await tf.concat(reference, 1).data(), wanted) < 1e-6);
      const { y, state } = selectiveScan(inputs);
      t.deepEqual(y.shape, [shape.batch, shape.length, shape.channels]);
      t.deepEqual(state.shape, [shape.batch, shape.states, shape.channels]);
    });

for (const backend of ['cpu', 'wasm'] as const)
  for (const shape of SHAPES)
    test.serial(
      `${JSON.stringify(shape)} on ${backend}: both gradients are what the tape makes of the formula`,
      async (t) => {
        (await startEngine(backend)).use();
        const inputs = randomInputs(shape);
        const names = Object.keys(inputs) as (keyof SelectiveScanInputs)[];
        const named = (values: tf.Tensor[]) =>
          Object.fromEntries(names.map((name, i) => [name, values[i]])) as unknown as SelectiveScanInputs;
        const dOutput = tf.randomNormal<tf.Rank.R3>(
          [shape.batch, shape.length + shape.states, shape.channels],
          0,
          1,
          'float32',
          8,
        );
        const { reference, gradient } = selectiveScanOp.definition;
        const dOutputs = tf.split(dOutput, [shape.length, shape.states], 1) as [tf.Tensor3D, tf.Tensor3D];
        const byTape = (form: (inputs: SelectiveScanInputs) => tf.Tensor3D[]) =>
          tf.grads((...values: tf.Tensor[]) => tf.concat(form(named(values)), 1))(Object.values(inputs), dOutput);
        const wanted = byTape((values) => reference(values, null));
        const fused = byTape((values) => selectiveScanOp(values, null));
        const composite = gradient!(inputs, null, dOutputs);
        for (const [i, name] of names.entries()) {
          const values = await wanted[i]!.data();
          t.true(relativeDifference(await fused[i]!.data(), values) < 2e-6, `fused ${name}`);
          t.true(relativeDifference(await composite[name]!.data(), values) < 2e-6, `composite ${name}`);
          t.deepEqual(composite[name]!.shape, inputs[name].shape);
        }
      },
    );

test.serial('neither form nor gradient leaves a tensor behind', async (t) => {
  (await startEngine('wasm')).use();
  const inputs = randomInputs({ batch: 1, length: 130, channels: 3, states: 2 });
  const before = tf.memory().numTensors;
  const gradients = tf.grads((x: tf.Tensor) => selectiveScan({ ...inputs, x: x as tf.Tensor3D }).y)([inputs.x]);
  tf.dispose(gradients);
  t.is(tf.memory().numTensors, before);
});
