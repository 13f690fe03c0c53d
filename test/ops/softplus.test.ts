import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { logSigmoid, softplus } from '../../src/ops/softplus.js';

const X = [-80, -30, -12, -6.9, -3, -1, -1e-3, 0, 1e-3, 1, 3, 12, 30, 80];

test('softplus and log sigmoid are right to f32 from -80 to 80, gradients too', async (t) => {
  (await startEngine('wasm')).use();
  const x = tf.tensor1d(X);
  const check = (found: ArrayLike<number>, wanted: (x: number) => number) =>
    X.forEach((value, i) =>
      t.true(Math.abs(found[i]! / wanted(Math.fround(value)) - 1) < 4e-7, `${value}: ${found[i]}`),
    );
  check(await softplus(x).data(), (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))));
  check(await logSigmoid(x).data(), (v) => Math.min(v, 0) - Math.log1p(Math.exp(-Math.abs(v))));
  check(await tf.grad(softplus)(x).data(), (v) => 1 / (1 + Math.exp(-v)));
});
