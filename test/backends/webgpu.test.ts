import * as tf from '#tfjs';
import test from 'ava';
import type { DeviceBackend } from '../../src/backends/device-backend.js';
import { engineMemory, releaseFreeMemory } from '../../src/backends/engine-memory.js';
import { startEngine } from '../../src/backends/engine.js';
import { OutOfMemoryError } from '../../src/backends/out-of-memory.js';
import { UserError } from '../../src/user-error.js';
import { needsWebgpu } from '../webgpu.js';

test.serial('what does not fit is an error, and the next computation meets none of its buffers', async (t) => {
  if (!(await needsWebgpu(t))) return;
  const engine = await startEngine('webgpu');
  engine.use();
  const { device } = tf.backend() as DeviceBackend;
  // Recorded and not yet submitted: it must survive what fails next.
  const before = tf.add(tf.tensor1d([1, 2]), 1);
  const { usedBytes, peakBytes } = engineMemory();
  const tooMany = device.limits.maxBufferSize / 4 + 1024;
  const overflow = () => engine.guard(async () => void (await tf.tidy(() => tf.max(tf.fill([tooMany], 2))).data()));
  await t.throwsAsync(overflow(), { instanceOf: OutOfMemoryError });
  releaseFreeMemory();
  t.true(engineMemory().heldBytes < 2 ** 20, `${engineMemory().heldBytes} bytes are held`);
  t.true(engineMemory().peakBytes < peakBytes + 2 ** 20);
  t.deepEqual([...(await engine.guard(() => before.data()))], [2, 3]);
  before.dispose();
  t.true(engineMemory().usedBytes <= usedBytes + 64);
});

test.serial('a device that is lost is an error at once, then and from then on', async (t) => {
  if (!(await needsWebgpu(t))) return;
  const engine = await startEngine('webgpu');
  engine.use();
  const { device } = tf.backend() as DeviceBackend;
  const lost = { instanceOf: UserError, message: /^the GPU was lost: / };
  await t.throwsAsync(
    engine.guard(async () => {
      const sum = tf.add(tf.tensor1d([1, 2]), 1);
      device.destroy();
      await sum.data();
    }),
    lost,
  );
  await t.throwsAsync(
    engine.guard(() => new Promise(() => {})),
    lost,
  );
});
