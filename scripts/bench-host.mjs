// What the host spends on a dispatch: decoding and a prefill on Dawn's null device, which validates and records everything and
// computes nothing, so that all of the time is the host's. A driver's own recording is not in it.
// Usage: node scripts/bench-host.mjs [--models swat:340m,vocab=2048] [--dtype f16] [--batch 1] [--tokens 64] [--depth 512]
//        [--prompt 512] [--repeats 5] [--list] (the dispatches of one token by kernel)
// Prints one line a model and pass. Weights are zeros, and the device has 512 MiB: a small vocabulary makes room for the layers.
import { parseArgs } from 'node:util';
import * as webgpu from 'webgpu';
import { preparePass } from '../dist/src/bench/passes.js';
import { median } from '../dist/src/bench/statistics.js';
import { startEngine } from '../dist/src/backends/engine.js';
import { fitsHalf } from '../dist/src/kernels/webgpu/half-tensor.js';
import { Decoder } from '../dist/src/models/decoder.js';
import { modelParameters } from '../dist/src/models/checkpoint/parameters.js';
import { openModel } from '../dist/src/models/load-language-model.js';
import { Parameters } from '../dist/src/models/parameters.js';

const { values: flags } = parseArgs({
  options: {
    models: { type: 'string', default: 'swat:340m,vocab=2048' },
    dtype: { type: 'string', default: 'f16' },
    tokens: { type: 'string', default: '64' },
    depth: { type: 'string', default: '512' },
    prompt: { type: 'string', default: '512' },
    batch: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '5' },
    list: { type: 'boolean', default: false },
  },
});
const [tokens, depth, prompt, batch, repeats] = ['tokens', 'depth', 'prompt', 'batch', 'repeats'].map((name) =>
  Number(flags[name]),
);

/** Kernels by name, and submissions, since `counted` was cleared. */
const counted = new Map();
let submissions = 0;
countDispatches(webgpu.globals);

const engine = await startEngine('webgpu', { importer: async () => ({ ...webgpu, create: createNull }) });

console.log('model                    pass      dispatches  submissions  ms      us/dispatch  at most');
for (const name of flags.models.split(/,(?=[a-z0-9_]+:)/))
  await engine.guard(async () => {
    const model = await zeroModel(name);
    const cell = { batch, prompt: 0, generated: tokens, depth };
    await measure(name, 'decode', model, { ...cell, kind: 'decode' }, tokens, 'token/s');
    await measure(name, 'prefill', model, { batch, prompt, generated: 0, depth: 0, kind: 'prefill' }, 1, 'pass/s');
    model.dispose();
  });

/** The median of the repeats, by token or pass. */
async function measure(name, title, model, cell, units, unit) {
  const pass = preparePass(model, cell, { readEvery: 16 });
  await pass.run();
  const seconds = [];
  for (let i = 0; i < repeats; i++) {
    counted.clear();
    submissions = 0;
    const start = process.hrtime.bigint();
    await pass.run();
    seconds.push(Number(process.hrtime.bigint() - start) / 1e9 / units);
  }
  pass.dispose();
  const dispatches = [...counted.values()].reduce((sum, count) => sum + count, 0) / units;
  const typical = median(seconds);
  console.log(
    [
      name.padEnd(24),
      title.padEnd(9),
      dispatches.toFixed(1).padEnd(11),
      (submissions / units).toFixed(1).padEnd(12),
      (1e3 * typical).toFixed(2).padEnd(7),
      ((1e6 * typical) / dispatches).toFixed(1).padEnd(12),
      `${(1 / typical).toFixed(0)} ${unit}`,
    ].join(' '),
  );
  if (flags.list)
    for (const [kernel, count] of [...counted].sort(([, a], [, b]) => b - a))
      console.log(`  ${(count / units).toFixed(2).padStart(8)}  ${kernel}`);
}

async function zeroModel(spec) {
  const { config } = await openModel(spec);
  const parameters = new Parameters();
  engine.use();
  for (const { name, shape, matrix } of modelParameters(config)) {
    const zeros = new Float32Array(shape.reduce((product, size) => product * size, 1));
    if (flags.dtype === 'f16' && matrix && fitsHalf(shape)) parameters.setHalf(name, zeros, shape);
    else parameters.set(name, zeros, shape);
  }
  return new Decoder(config, engine, parameters, flags.dtype);
}

/** Dawn on its null device, which says that it has the tensor cores that our f16 kernels want. */
function createNull(options) {
  const gpu = webgpu.create([...options, 'backend=null']);
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (...request) => {
    const adapter = await requestAdapter(...request);
    const product = { M: 16, N: 16, K: 16, componentType: 'f16', resultComponentType: 'f32' };
    const claims = { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: [product] };
    const { vendor, architecture, device, description } = adapter.info;
    Object.defineProperty(adapter, 'info', { value: { vendor, architecture, device, description, ...claims } });
    return adapter;
  };
  return gpu;
}

/** A pipeline's label is the kernel's name. */
function countDispatches({ GPUComputePassEncoder, GPUQueue }) {
  let kernel;
  const { setPipeline, dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  const { submit } = GPUQueue.prototype;
  if (flags.list)
    GPUComputePassEncoder.prototype.setPipeline = function (pipeline) {
      kernel = pipeline.label;
      return setPipeline.call(this, pipeline);
    };
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...counts) {
    counted.set(kernel, (counted.get(kernel) ?? 0) + 1);
    return dispatchWorkgroups.apply(this, counts);
  };
  GPUQueue.prototype.submit = function (commands) {
    submissions++;
    return submit.call(this, commands);
  };
}
