import * as tf from '#tfjs';
import test from 'ava';
import { kernelPrograms } from '../../../src/bench/kernel-programs.js';
import { deviceBackend, run, uninitialised } from '../../../src/kernels/webgpu/runner.js';
import { adversely, needsAdverseWebgpu } from './adverse-device.js';

/** y[i] = x[63 - i], through workgroup memory. */
const reversal = (barrier: string) => ({
  key: `reversal/${barrier}`,
  wgsl: () => `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
var<workgroup> held: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  if (local < 16u) {
    for (var i = local; i < 64u; i += 16u) { held[i] = x[i]; }
  }
  ${barrier}
  y[local] = held[63u - local];
  workgroupBarrier();
}
`,
});

function reversed(barrier: string): Promise<ArrayLike<number>> {
  const [y] = run({
    program: reversal(barrier),
    inputs: [tf.range(0, 64)],
    outputs: [{ shape: [64] }],
    workgroups: [1],
  });
  return y.data();
}

test.serial('a barrier that is missing shows on an adverse device, and only that', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  t.deepEqual(
    [...((await reversed('workgroupBarrier();')) as Float32Array)],
    Array.from({ length: 64 }, (_, i) => 63 - i),
  );
  t.true([...((await reversed('')) as Float32Array)].some(Number.isNaN));
});

test.serial('what no kernel has written is NaN on an adverse device, also where a tensor lay before', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  for (const before of [tf.ones([7]), null]) {
    before?.dispose();
    const unwritten = uninitialised([7]);
    deviceBackend().bufferOf(unwritten);
    t.true([...((await unwritten.data()) as Float32Array)].every(Number.isNaN));
  }
});

test('every kernel that has barriers, but those of subgroups, is run in adverse order', async (t) => {
  const programs = await kernelPrograms();
  const untouched = programs.filter(
    ({ wgsl }) => /workgroupBarrier\(\)/.test(wgsl) && !/enable subgroups/.test(wgsl) && adversely(wgsl) === wgsl,
  );
  t.deepEqual(
    untouched.map(({ key }) => key),
    [],
  );
  for (const { wgsl, key } of programs)
    for (const [, name] of wgsl.matchAll(/var<workgroup> (\w+)/g))
      t.true(
        adversely(wgsl) === wgsl || new RegExp(`${name}(\\[i\\])? = .*(nanBits|u)\\)`).test(adversely(wgsl)),
        `${key}: ${name}`,
      );
});
