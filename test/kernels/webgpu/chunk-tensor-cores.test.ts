// The f16 kernels of chunked linear attention, emulated, beside those in f32; and their workgroup memory.
import * as tf from '#tfjs';
import test, { type ExecutionContext } from 'ava';
import { kernelPrograms } from '../../../src/bench/kernel-programs.js';
import { chunkDecays } from '../../../src/kernels/webgpu/chunk-decays.js';
import { chunkOutputsF16 } from '../../../src/kernels/webgpu/chunk-outputs-f16.js';
import { chunkScoresF16 } from '../../../src/kernels/webgpu/chunk-scores-f16.js';
import { chunkScores } from '../../../src/kernels/webgpu/chunk-scores.js';
import { chunkStatesF16 } from '../../../src/kernels/webgpu/chunk-states-f16.js';
import { decayedLinearAttentionForward } from '../../../src/kernels/webgpu/decayed-linear-attention.js';
import { deltaRuleForward } from '../../../src/kernels/webgpu/delta-rule.js';
import { deltaStatesF16 } from '../../../src/kernels/webgpu/delta-states-f16.js';
import { deltaSystemsF16 } from '../../../src/kernels/webgpu/delta-systems-f16.js';
import { gatedLinearAttentionForward } from '../../../src/kernels/webgpu/gated-linear-attention.js';
import { gatedScoresF16 } from '../../../src/kernels/webgpu/gated-scores-f16.js';
import type { Program } from '../../../src/kernels/webgpu/runner.js';
import { relativeDifference } from '../../ops/differences.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { runWithEmulatedMatrices } from './emulated-subgroup-matrices.js';

/** Rounding to f16 is 4.9e-4 of a number at most. */
const ROUNDING = 1e-3;

interface Shape {
  readonly batch: number;
  /** Of the queries and keys; the values have twice as many. */
  readonly heads: number;
  readonly length: number;
  readonly keyDim: number;
  readonly valueDim: number;
}

const RAGGED: Shape = { batch: 1, heads: 2, length: 70, keyDim: 48, valueDim: 80 };
const LONG_VALUES: Shape = { batch: 2, heads: 1, length: 130, keyDim: 16, valueDim: 144 };
const LONG_KEYS: Shape = { batch: 1, heads: 1, length: 70, keyDim: 144, valueDim: 16 };

function inputsOf({ batch, heads, length, keyDim, valueDim }: Shape) {
  const normal = (shape: [number, number, number, number], seed: number) =>
    tf.randomNormal<tf.Rank.R4>(shape, 0, 1, 'float32', seed);
  const unit = (x: tf.Tensor4D) => tf.div<tf.Tensor4D>(x, tf.norm(x, 2, -1, true));
  return {
    q: unit(normal([batch, heads, length, keyDim], 1)),
    k: unit(normal([batch, heads, length, keyDim], 2)),
    v: normal([batch, 2 * heads, length, valueDim], 3),
    start: normal([batch, 2 * heads, keyDim, valueDim], 4),
    logDecay: tf.randomUniform<tf.Rank.R3>([batch, 2 * heads, length], -0.5, 0, 'float32', 5),
    rate: tf.randomUniform<tf.Rank.R3>([batch, 2 * heads, length], 0, 1, 'float32', 6),
  };
}

async function agree(t: ExecutionContext, found: readonly tf.Tensor[], wanted: readonly tf.Tensor[]): Promise<void> {
  for (const [i, x] of found.entries()) {
    const [a, b] = await Promise.all([x.data(), wanted[i]!.data()]);
    const off = relativeDifference(a as Float32Array, b as Float32Array);
    t.true(off < ROUNDING, `output ${i} is off by ${off}`);
  }
}

function scoresBy(program: Program, ...inputs: [q: tf.Tensor4D, ...others: tf.Tensor4D[]]): tf.Tensor {
  const [batch, heads, length] = inputs[0].shape;
  const chunks = Math.ceil(length / 64);
  return runWithEmulatedMatrices({
    program,
    inputs,
    outputs: [{ shape: [batch, heads, chunks, 64, 64] }],
    uniforms: [length, chunks],
    workgroups: [chunks, batch * heads],
  })[0];
}

for (const [what, shape] of [
  ['sizes that no tile divides', RAGGED],
  ['long values', LONG_VALUES],
] as const)
  test.serial(`decays a token on tensor cores are those in f32: ${what}`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const { q, k, v, start, logDecay } = inputsOf(shape);
    const { fromStart, toEnd } = chunkDecays(logDecay);
    const { states, final } = chunkStatesF16({ k, v, toEnd, fromStart, start }, 'token', runWithEmulatedMatrices);
    const scores = scoresBy(chunkScoresF16({ dim: shape.keyDim, held: 'f32' }), q, k);
    const o = chunkOutputsF16(
      { q, factor: fromStart, states, scores, v, logDecay },
      { within: 'token', outputDim: shape.valueDim, heads: 2 * shape.heads },
      runWithEmulatedMatrices,
    );
    await agree(t, [o, final], decayedLinearAttentionForward({ q, k, v, logDecay, start }));
  });

test.serial('decays a channel on tensor cores are those in f32', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const { v, start, ...shared } = inputsOf(RAGGED);
  const [q, k] = [shared.q, shared.k].map((x) => tf.tile<tf.Tensor4D>(x, [1, 2, 1, 1])) as [tf.Tensor4D, tf.Tensor4D];
  const logDecay = tf.randomUniform<tf.Rank.R4>(q.shape, -0.5, 0, 'float32', 7);
  const { fromStart, toEnd } = chunkDecays(logDecay);
  const { states, final } = chunkStatesF16({ k, v, toEnd, fromStart, start }, 'keys', runWithEmulatedMatrices);
  const scores = scoresBy(gatedScoresF16({ dim: RAGGED.keyDim, held: 'f32' }), q, k, logDecay);
  const o = chunkOutputsF16(
    { q, factor: fromStart, states, scores, v, logDecay: null },
    { within: 'scored', outputDim: RAGGED.valueDim, heads: 2 * RAGGED.heads },
    runWithEmulatedMatrices,
  );
  await agree(t, [o, final], gatedLinearAttentionForward({ q, k, v, logDecay, start }, 'keys', 1));
});

for (const [what, shape, decaying] of [
  ['without decay', RAGGED, false],
  ['long keys', LONG_KEYS, true],
] as const)
  test.serial(`the delta rule on tensor cores is that in f32: ${what}`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const { q, k, v, start, rate, ...rest } = inputsOf(shape);
    const logDecay = decaying ? rest.logDecay : null;
    const decays = logDecay && chunkDecays(logDecay);
    const factor = decays && decays.fromStart;
    const system = { k, v, rate, products: chunkScores(k, k), logDecay };
    const systems = deltaSystemsF16(system, decays, runWithEmulatedMatrices);
    const { states, corrections, final } = deltaStatesF16(
      systems,
      factor,
      start,
      shape.length,
      runWithEmulatedMatrices,
    );
    const o = chunkOutputsF16(
      { q, factor, states, scores: chunkScores(q, k), v: { operands: corrections }, logDecay },
      {
        ...{ within: decaying ? 'token' : 'causal', outputDim: shape.valueDim, heads: 2 * shape.heads },
        scale: shape.keyDim ** -0.5,
      },
      runWithEmulatedMatrices,
    );
    await agree(t, [o, final], deltaRuleForward({ q, k, v, rate, start, ...(logDecay && { logDecay }) }));
  });

const BYTES: Record<string, number> = { f32: 4, vec2f: 8, vec4f: 16, vec4u: 16 };

test('three workgroups of every f16 kernel of the chunks fit on a multiprocessor', async (t) => {
  const programs = (await kernelPrograms()).filter(({ file }) => /^(chunk|delta|gated)-.*-f16$/.test(file));
  t.true(programs.length > 0);
  for (const { key, wgsl } of programs) {
    const arrays = [...wgsl.matchAll(/var<workgroup> \w+: array<(\w+), (\d+)>;/g)];
    const bytes = arrays.reduce((sum, [, element, count]) => sum + BYTES[element!]! * Number(count), 0);
    t.true(bytes <= (48 * 1024) / 3, `${key} takes ${bytes} bytes`);
  }
});
