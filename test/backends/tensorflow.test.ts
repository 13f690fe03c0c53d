import path from 'node:path';
import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { TENSORFLOW_RECIPE } from '../../src/backends/tensorflow.js';
import { packageRoot } from '../../src/package-root.js';
import { UserError } from '../../src/user-error.js';
import { compareWithGolden } from '../models/golden-models.js';

const missing = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' });

test.serial('without the package the engine is absent, with the install recipe', async (t) => {
  const error = await t.throwsAsync(startEngine('tensorflow', { importer: (name) => Promise.reject(missing(name)) }), {
    instanceOf: UserError,
    message: /tensorflow is not there \(no @tensorflow\/tfjs-node-gpu; no @tensorflow\/tfjs-node\)/,
  });
  t.is(error?.exitCode, 6);
  t.is(error?.hint, TENSORFLOW_RECIPE);
});

test.serial('a package without its native part is absent too, and says why', async (t) => {
  const broken = new Error('The Node.js native addon module (tfjs_binding.node) can not be found at path: x\nmore');
  await t.throwsAsync(startEngine('tensorflow', { importer: () => Promise.reject(broken) }), {
    instanceOf: UserError,
    message: /native addon module .* can not be found at path: x; /,
  });
});

test.serial('a package that registers its backend, as tfjs-node does, computes the golden model', async (t) => {
  const asked: string[] = [];
  const importer = async (name: string) => {
    asked.push(name);
    if (name === '@tensorflow/tfjs-node-gpu') throw missing(name);
    tf.registerBackend('tensorflow', tf.findBackendFactory('cpu')!);
    tf.copyRegisteredKernels('cpu', 'tensorflow');
  };
  const engine = await startEngine('tensorflow', { importer });
  t.deepEqual(asked, ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']);
  t.is(engine.device, 'libtensorflow (@tensorflow/tfjs-node)');
  t.is(tf.getBackend(), 'tensorflow');
  await compareWithGolden(t, path.join(packageRoot, 'test', 'fixtures', 'golden', 'swat'), 'tensorflow');
});
