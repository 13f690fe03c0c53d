// Times work that is too short for one measurement: it is repeated until a measurement lasts long enough, and measured again.
import { performance } from 'node:perf_hooks';
import * as tf from '#tfjs';
import { DeviceBackend } from '../backends/device-backend.js';
import { DeviceClock } from './device-clock.js';

/** Shorter ones are mostly the clock, and what happens around the work. */
const SHORTEST_SECONDS = 0.02;
const MEASUREMENTS = 5;
/** A device that had nothing to do is slow at first: its clock rises with work. */
const WARM_UP_SECONDS = 0.3;

/**
 * Seconds that one call of `body` takes the device, from several measurements behind a warm-up. Calls are recorded one after
 * the other; what they return is disposed. A device with a clock of its own is asked for its time, and begins when all calls are
 * recorded; of others it is the time until all is done.
 */
export async function repeatedSeconds(body: () => tf.Tensor[]): Promise<number[]> {
  const backend = tf.backend();
  const clock = backend instanceof DeviceBackend && DeviceClock.isIn(backend) ? new DeviceClock(backend) : null;
  const timed = async (calls: number) => {
    const work = () => {
      for (let i = 0; i < calls; i++) tf.dispose(body());
    };
    await deviceIdle();
    if (clock !== null) return clock.secondsOf(work);
    const start = performance.now();
    work();
    await deviceIdle();
    return (performance.now() - start) / 1000;
  };
  try {
    return await measured(timed);
  } finally {
    clock?.dispose();
  }
}

/** By `timed`, which takes so many calls together. */
async function measured(timed: (calls: number) => Promise<number>): Promise<number[]> {
  await timed(1);
  let calls = 1;
  let seconds = await timed(calls);
  while (seconds < SHORTEST_SECONDS) {
    calls = Math.ceil(calls * Math.min(100, (1.5 * SHORTEST_SECONDS) / Math.max(seconds, 1e-6)));
    seconds = await timed(calls);
  }
  for (let spent = seconds; spent < WARM_UP_SECONDS; spent += seconds) seconds = await timed(calls);
  const measurements: number[] = [];
  for (let i = 0; i < MEASUREMENTS; i++) measurements.push((await timed(calls)) / calls);
  return measurements;
}

/** Submits what is recorded and waits for it; other engines compute at once. */
export async function deviceIdle(): Promise<void> {
  const backend = tf.backend();
  if (!(backend instanceof DeviceBackend)) return;
  backend.flush();
  await backend.device.queue.onSubmittedWorkDone();
}
