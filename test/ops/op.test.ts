import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { defineOp, formsDuring, recomputed, registerFusedKernel, withoutFusedKernels } from '../../src/ops/op.js';

/** a^2 b + c, computed `computed` times. */
function squareOp() {
  let computed = 0;
  const reference = ({ a, b }: { a: tf.Tensor; b: tf.Tensor }, c: number) => {
    computed++;
    return tf.add(tf.mul(tf.square(a), b), c);
  };
  const op = defineOp({ name: 'Square', reference, gradient: recomputed(reference) });
  return { op, computed: () => computed };
}

test.serial(
  'a recomputed gradient is that of the reference, several in a row, and leaves no tensor behind',
  async (t) => {
    (await startEngine('wasm')).use();
    const { op, computed } = squareOp();
    const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 5])];
    const before = tf.memory().numTensors;
    const [da, db] = tf.grads((a: tf.Tensor, b: tf.Tensor) => tf.sum(op({ a: op({ a, b }, 1), b }, 2)))([a, b]) as [
      tf.Tensor,
      tf.Tensor,
    ];
    // y = a^2 b + 1, z = y^2 b + 2: dz/da = 2 y b 2 a b, dz/db = y^2 + 2 y b a^2
    t.deepEqual([...(await da.data())], [2 * 4 * 3 * 2 * 3, 2 * 21 * 5 * 4 * 5]);
    t.deepEqual([...(await db.data())], [16 + 2 * 4 * 3, 441 + 2 * 21 * 5 * 4]);
    t.is(computed(), 4);
    tf.dispose([da, db]);
    t.is(tf.memory().numTensors, before);
  },
);

test.serial('an op may give several tensors, each with its part in the gradient', async (t) => {
  (await startEngine('wasm')).use();
  const reference = ({ a, b }: { a: tf.Tensor; b: tf.Tensor }) => [tf.mul(a, b), tf.square(a)];
  for (const gradient of [undefined, recomputed(reference)]) {
    const op = defineOp({ name: 'ProductAndSquare', reference, ...(gradient && { gradient }) });
    const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 5])];
    const [both, productOnly] = [
      (a: tf.Tensor, b: tf.Tensor) => tf.add(...(op({ a, b }, null) as [tf.Tensor, tf.Tensor])),
      (a: tf.Tensor, b: tf.Tensor) => op({ a, b }, null)[0]!,
    ];
    t.deepEqual([...(await tf.grads(both)([a, b])[0]!.data())], [3 + 2, 5 + 4]);
    t.deepEqual([...(await tf.grads(productOnly)([a, b])[0]!.data())], [3, 5]);
    t.deepEqual([...(await tf.grads(productOnly)([a, b])[1]!.data())], [1, 2]);
  }
});

test.serial(
  'shapes that a fused kernel, or its gradient, does not take are computed in composite form, and are called so',
  async (t) => {
    (await startEngine('wasm')).use();
    const op = defineOp<{ a: tf.Tensor }, null, tf.Tensor>({ name: 'Doubled', reference: ({ a }) => tf.mul(a, 2) });
    registerFusedKernel(op, 'wasm', {
      takes: ({ a }) => a.size > 1,
      takesGradient: ({ a }) => a.size > 2,
      forward: ({ a }) => tf.add(a, a),
      gradient: (_, __, dy) => ({ a: tf.add(dy, dy) }),
    });
    const formsOf = async (size: number) => {
      const run = async () => {
        const gradient = tf.tidy(() => tf.grad((a: tf.Tensor) => tf.sum(op({ a }, null)))(tf.ones([size])));
        t.deepEqual([...(await gradient.data())], Array<number>(size).fill(2));
        gradient.dispose();
      };
      const { forms } = await formsDuring(run);
      return [forms.get('Doubled'), forms.get('Doubled gradient')];
    };
    t.deepEqual(await formsOf(1), ['composite', 'composite']);
    t.deepEqual(await formsOf(2), ['fused', 'composite']);
    t.deepEqual(await formsOf(3), ['fused', 'fused']);
  },
);

test.serial('the forms in which ops ran are seen, and composite ones can be asked for', async (t) => {
  (await startEngine('wasm')).use();
  const { op } = squareOp();
  const fusedOnly = defineOp<{ a: tf.Tensor }, null, tf.Tensor>({ name: 'Halved', reference: ({ a }) => tf.div(a, 2) });
  registerFusedKernel(fusedOnly, 'wasm', { forward: ({ a }) => tf.mul(a, 0.5) });
  const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 5])];
  const run = async () =>
    tf.tidy(() => void tf.grad((a: tf.Tensor) => tf.sum(fusedOnly({ a: op({ a, b }, 1) }, null)))(a));
  const { forms } = await formsDuring(run);
  t.deepEqual(Object.fromEntries(forms), {
    Square: 'composite',
    Halved: 'fused',
    'Halved gradient': 'composite',
    'Square gradient': 'composite',
  });
  const composite = await formsDuring(() => withoutFusedKernels(run));
  t.is(composite.forms.get('Halved'), 'composite');
  t.is((await formsDuring(async () => fusedOnly({ a }, null))).forms.get('Halved'), 'fused');
});
