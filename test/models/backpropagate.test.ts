import test from 'ava';
import * as tf from '#tfjs';
import { backpropagate } from '../../src/models/backpropagate.js';

test.before(() => tf.setBackend('cpu'));

/** A sum whose terms share an input, one of two outputs that counts, a value on which nothing depends. */
function branching(x: tf.Tensor2D, y: tf.Tensor2D): () => tf.Scalar {
  return () => {
    const [left] = tf.split(tf.mul(x, y), 2, 1) as [tf.Tensor2D, tf.Tensor2D];
    const both = tf.add(left, tf.square(left));
    return tf.sum(tf.matMul(both, tf.add(both, both), false, true)) as tf.Scalar;
  };
}

test('gradients are those of tf.valueAndGrads, scaled by that of the value', (t) => {
  const [x, y, unused] = [
    tf.randomNormal([3, 4], 0, 1, 'float32', 1),
    tf.randomNormal([3, 4], 0, 1, 'float32', 2),
    tf.ones([2]),
  ];
  const f = branching(x as tf.Tensor2D, y as tf.Tensor2D);
  const dValue = tf.scalar(3);
  const { value, gradients } = backpropagate(f, [x, y, unused], dValue);
  const expected = tf.valueAndGrads(f)([x, y], dValue);
  t.deepEqual([...value.dataSync()], [...expected.value.dataSync()]);
  expected.grads.forEach((gradient, k) => t.deepEqual([...gradients[k]!.dataSync()], [...gradient.dataSync()]));
  t.deepEqual([...gradients[2]!.dataSync()], [0, 0]);
});

test('nothing but the value and the gradients is left, and the variables and the factor are', (t) => {
  const [x, y, dValue] = [tf.ones([3, 4]), tf.ones([3, 4]), tf.scalar(1)];
  const before = tf.memory().numTensors;
  const { value, gradients } = backpropagate(branching(x as tf.Tensor2D, y as tf.Tensor2D), [x, y], dValue);
  t.is(tf.memory().numTensors, before + 3);
  tf.dispose([value, ...gradients]);
  t.is(tf.memory().numTensors, before);
  t.false(x.isDisposed || y.isDisposed || dValue.isDisposed);
});

test('what the forward pass kept, and gradients that have served, are freed on the way', (t) => {
  const x = tf.ones([256]);
  const bytes: number[] = [];
  const measured = tf.customGrad(((input: tf.Tensor) => ({
    value: tf.clone(input),
    gradFunc: (dy: tf.Tensor) => {
      bytes.push(tf.memory().numBytes);
      return tf.clone(dy);
    },
  })) as Parameters<typeof tf.customGrad>[0]);
  const chain = () => {
    let value: tf.Tensor = x;
    for (let k = 0; k < 10; k++) value = measured(tf.square(value));
    return tf.sum(value) as tf.Scalar;
  };
  const { value, gradients } = backpropagate(chain, [x], tf.scalar(1));
  t.is(bytes.length, 10);
  for (let k = 1; k < bytes.length; k++) t.true(bytes[k]! < bytes[k - 1]!, `${bytes[k - 1]} bytes became ${bytes[k]}`);
  tf.dispose([value, ...gradients]);
});

test('an error in the function leaves no tape behind', (t) => {
  t.throws(() =>
    backpropagate(
      () => {
        throw new Error('no');
      },
      [tf.ones([1])],
      tf.scalar(1),
    ),
  );
  t.is((tf.engine().state as { activeTape: unknown }).activeTape, null);
});
