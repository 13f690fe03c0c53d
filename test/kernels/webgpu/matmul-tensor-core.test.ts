// The products that leave packed elements, emulated, beside the numbers that they should leave.
import * as tf from '#tfjs';
import test from 'ava';
import { packedAlone, toHalf } from '../../../src/kernels/webgpu/half-tensor.js';
import { columnsOfTile, edgesOf, tensorCoreProgram, TILE } from '../../../src/kernels/webgpu/matmul-tensor-core.js';
import type { Program } from '../../../src/kernels/webgpu/runner.js';
import { silu } from '../../../src/ops/silu.js';
import { relativeDifference } from '../../ops/differences.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { runWithEmulatedMatrices } from './emulated-subgroup-matrices.js';
import { randomValues } from './fused-agrees.js';

const random = (seed: number, shape: [number, number]) => tf.tensor2d(randomValues(shape, seed).values, shape);

/** The text with the names that the emulator knows, and rounding as it has it. */
function renamed({ key, wgsl }: Program): Program {
  const aliases = ['left', 'right'].map(
    (side) => `alias ${side === 'left' ? 'Left' : 'Right'} = subgroup_matrix_${side}<f16, 16, 16>;`,
  );
  const text = () =>
    wgsl()
      .replace(/subgroup_matrix_left<f16, 16, 16>/g, 'Left')
      .replace(/subgroup_matrix_right<f16, 16, 16>/g, 'Right')
      .replace(/subgroup_matrix_result<f32, 16, 16>/g, 'Sum')
      .replace(/bitcast<vec2u>\(vec4<f16>\((\w+)\)\)/g, 'vec2u(pack2x16float($1.xy), pack2x16float($1.zw))')
      .replace('struct Shape', `${aliases.join('\n')}\nalias Sum = subgroup_matrix_result<f32, 16, 16>;\nstruct Shape`);
  return { key, wgsl: text };
}

/** Ragged in every way. */
const [m, n, k] = [150, 136, 72];

for (const result of ['packed', 'swiglu'] as const)
  test.serial(`${result} products, emulated, are those of the same numbers`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const x = packedAlone(random(1, [m, k]));
    const weights = [random(2, [n, k]), random(3, [n, k])].slice(0, result === 'packed' ? 1 : 2);
    const columns = columnsOfTile({ result });
    const variant = { transposeA: false, transposeB: true, residual: false, inParts: false, result } as const;
    const [y] = runWithEmulatedMatrices({
      program: renamed(tensorCoreProgram({ ...variant, ...edgesOf(m, n, k, columns) })),
      inputs: [toHalf(x).words, ...weights.map((w) => toHalf(w).words)],
      outputs: [{ shape: [m, n], packed: true }],
      uniforms: [m, n, k, k],
      workgroups: [Math.ceil(m / TILE) * Math.ceil(n / columns)],
    });
    const rows = tf.tensor2d((await x.data()) as Float32Array, [m, k]);
    const products = await Promise.all(
      weights.map(async (w) =>
        tf.matMul(rows, tf.tensor2d(await packedAlone(tf.clone(w)).data(), [n, k]), false, true),
      ),
    );
    const wanted = result === 'packed' ? products[0]! : tf.mul(silu(products[0]!), products[1]!);
    const off = relativeDifference(await y.data(), await wanted.data());
    t.true(off < 1e-3, `off by ${off}`);
  });
