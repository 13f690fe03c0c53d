import * as tf from '#tfjs';
import test from 'ava';
import { startEngine, type BackendName } from '../../src/backends/engine.js';
import { rotate, rotateNeighbours } from '../../src/ops/rotary.js';
import { needsWebgpu } from '../webgpu.js';

const [THETA, LENGTH, DIM] = [10_000, 600, 64];

/** Pairs [1, 0], which are rotated to [cos, sin]: [1, 1, LENGTH, DIM]. */
function ones(isFirst: (channel: number) => boolean): tf.Tensor4D {
  return tf.tensor4d(
    Array.from({ length: LENGTH * DIM }, (_, i) => Number(isFirst(i % DIM))),
    [1, 1, LENGTH, DIM],
  );
}

/** The largest distance from cos and sin in f64, where channel `first(i)` holds the cos of pair i and `second(i)` its sin. */
async function farthest(
  rotated: tf.Tensor4D,
  positionOf: (token: number) => number,
  [first, second]: readonly [(pair: number) => number, (pair: number) => number],
): Promise<number> {
  const found = await rotated.data();
  let most = 0;
  for (let token = 0; token < LENGTH; token++)
    for (let pair = 0; pair < DIM / 2; pair++) {
      const angle = positionOf(token) * THETA ** ((-2 * pair) / DIM);
      const off = (channel: number, wanted: number) => Math.abs(found[token * DIM + channel]! - wanted);
      most = Math.max(most, off(first(pair), Math.cos(angle)), off(second(pair), Math.sin(angle)));
    }
  return most;
}

const HALVES = [(pair: number) => pair, (pair: number) => pair + DIM / 2] as const;
const NEIGHBOURS = [(pair: number) => 2 * pair, (pair: number) => 2 * pair + 1] as const;

for (const backend of ['wasm', 'webgpu'] as const satisfies readonly BackendName[]) {
  for (const position of [0, 200, 16_000, 65_000, 1_000_000])
    test.serial(`cos and sin from position ${position} on are those of f64 on ${backend}`, async (t) => {
      if (backend === 'webgpu' && !(await needsWebgpu(t))) return;
      (await startEngine(backend)).use();
      const halves = rotate(
        ones((channel) => channel < DIM / 2),
        THETA,
        position,
      );
      const off = await farthest(halves, (token) => position + token, HALVES);
      t.true(off < 2e-7, `halves are off by ${off}`);
    });

  for (const period of [16, 48, Infinity])
    test.serial(`positions are counted modulo a period of ${period} on ${backend}`, async (t) => {
      if (backend === 'webgpu' && !(await needsWebgpu(t))) return;
      (await startEngine(backend)).use();
      const position = 1_000_003;
      const neighbours = rotateNeighbours(
        ones((channel) => channel % 2 === 0),
        THETA,
        position,
        period,
      );
      const off = await farthest(neighbours, (token) => (position + token) % period, NEIGHBOURS);
      t.true(off < 2e-7, `neighbours are off by ${off}`);
    });
}
