// Times work that is too short for one measurement: it is repeated until a measurement lasts long enough, and measured again.
import { performance } from 'node:perf_hooks';
import * as tf from '#tfjs';
import { DeviceBackend } from '../backends/device-backend.js';

/** Shorter ones are mostly the clock, and what happens around the work. */
const SHORTEST_SECONDS = 0.02;
const MEASUREMENTS = 5;
/** A device that had nothing to do is slow at first: its clock rises with work. */
const WARM_UP_SECONDS = 0.3;

/**
 * Seconds that one call of `body` takes the device, from several measurements behind a warm-up. Calls are recorded one after
 * the other and waited for together; what they return is disposed.
 */
export async function repeatedSeconds(body: () => tf.Tensor[]): Promise<number[]> {
  await timed(body, 1);
  let calls = 1;
  let seconds = await timed(body, calls);
  while (seconds < SHORTEST_SECONDS) {
    calls = Math.ceil(calls * Math.min(100, (1.5 * SHORTEST_SECONDS) / Math.max(seconds, 1e-6)));
    seconds = await timed(body, calls);
  }
  for (let spent = seconds; spent < WARM_UP_SECONDS; spent += seconds) seconds = await timed(body, calls);
  const measurements: number[] = [];
  for (let i = 0; i < MEASUREMENTS; i++) measurements.push((await timed(body, calls)) / calls);
  return measurements;
}

async function timed(body: () => tf.Tensor[], calls: number): Promise<number> {
  await deviceIdle();
  const start = performance.now();
  for (let i = 0; i < calls; i++) tf.dispose(body());
  await deviceIdle();
  return (performance.now() - start) / 1000;
}

/** Submits what is recorded and waits for it; other engines compute at once. */
export async function deviceIdle(): Promise<void> {
  const backend = tf.backend();
  if (!(backend instanceof DeviceBackend)) return;
  backend.flush();
  await backend.device.queue.onSubmittedWorkDone();
}
