// Every WGSL program compiles, the f16 and tensor-core ones too, which no software adapter runs: Dawn's null backend has every
// feature and computes nothing.
import { create, globals } from 'webgpu';
import test from 'ava';
import { kernelPrograms, type KernelProgram } from '../../../src/bench/kernel-programs.js';

const FEATURES = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];

Object.assign(globalThis, globals);
const dawn = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia']);

/** What is wrong with a text, null where nothing is. */
async function complaint(device: GPUDevice, { key, wgsl }: KernelProgram): Promise<string | null> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code: wgsl, label: key });
  const { messages } = await module.getCompilationInfo();
  const invalid = await device.popErrorScope();
  const errors = messages.filter(({ type }) => type === 'error');
  if (errors.length > 0)
    return errors
      .map(({ lineNum, message }) => `line ${lineNum}: ${message}\n  ${wgsl.split('\n')[lineNum - 1]}`)
      .join('\n');
  return invalid?.message ?? null;
}

test('every kernel compiles', async (t) => {
  const adapter = await dawn.requestAdapter();
  const device = await adapter!.requestDevice({ requiredFeatures: FEATURES });
  const programs = await kernelPrograms();
  t.true(programs.length > 0);
  for (const program of programs) {
    const problem = await complaint(device, program);
    t.is(problem, null, `${program.file}, ${program.key}: ${problem}`);
  }
  device.destroy();
});

test('equal keys have equal texts', async (t) => {
  const texts = new Map<string, string>();
  for (const { key, wgsl } of await kernelPrograms()) {
    t.is(texts.get(key) ?? wgsl, wgsl, key);
    texts.set(key, wgsl);
  }
});

test('a text that does not compile is found', async (t) => {
  const adapter = await dawn.requestAdapter();
  const device = await adapter!.requestDevice({ requiredFeatures: FEATURES });
  const wgsl = '@compute @workgroup_size(1)\nfn main() { let x: f32 = nothing; }';
  t.regex((await complaint(device, { file: 'broken', key: 'broken', wgsl }))!, /line 2.*nothing/);
  device.destroy();
});
