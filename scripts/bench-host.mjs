// What the host spends on a dispatch: decoding and a prefill on Dawn's null device, which validates and records everything and
// computes nothing, so that all of the process's time is the host's. A driver's own recording is not in it.
// Usage: node scripts/bench-host.mjs [--models swat:340m] [--dtype f16] [--batch 1] [--tokens 64] [--depth 1024]
//        [--prompt 512] [--repeats 5] [--list] (the dispatches of one token by kernel)
// Prints one line a model and pass. Weights are zeros, and all layers share those of the first.
import { parseArgs } from 'node:util';
import * as webgpu from 'webgpu';
import { preparePass } from '../dist/src/bench/passes.js';
import { startEngine } from '../dist/src/backends/engine.js';
import { fitsHalf } from '../dist/src/kernels/webgpu/half-tensor.js';
import { Decoder } from '../dist/src/models/decoder.js';
import { modelParameters } from '../dist/src/models/checkpoint/parameters.js';
import { openModel } from '../dist/src/models/load-language-model.js';
import { releaseMemory } from '../dist/src/ops/constants.js';
import { Parameters } from '../dist/src/models/parameters.js';

const { values: flags } = parseArgs({
  options: {
    models: { type: 'string', default: 'swat:340m' },
    dtype: { type: 'string', default: 'f16' },
    tokens: { type: 'string', default: '64' },
    depth: { type: 'string', default: '1024' },
    prompt: { type: 'string', default: '512' },
    batch: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '5' },
    list: { type: 'boolean', default: false },
  },
});
const [tokens, depth, prompt, batch, repeats] = ['tokens', 'depth', 'prompt', 'batch', 'repeats'].map((name) =>
  Number(flags[name]),
);

const LAYER = /layers\.\d+\./;

/** The null device has 512 MiB. */
class WeightsOfOneLayer extends Parameters {
  matrix(name) {
    return super.matrix(name.replace(LAYER, 'layers.0.'));
  }
}

/** Kernels by name, and submissions, since `counted` was cleared. */
const counted = new Map();
let submissions = 0;
countDispatches(webgpu.globals);

const create = (options) => webgpu.create([...options, 'backend=null']);
const engine = await startEngine('webgpu', { importer: async () => ({ ...webgpu, create }) });

console.log('model                    pass      dispatches  submissions  ms      us/dispatch');
for (const name of flags.models.split(/,(?=[a-z0-9_]+:)/))
  await engine.guard(async () => {
    const model = await zeroModel(name);
    const cell = { batch, prompt: 0, generated: tokens, depth };
    await measure(name, 'decode', model, { ...cell, kind: 'decode' }, tokens);
    await measure(name, 'prefill', model, { batch, prompt, generated: 0, depth: 0, kind: 'prefill' }, 1);
    model.dispose();
  });

/** The quickest repeat, by token or pass. */
async function measure(name, title, model, cell, units) {
  const pass = preparePass(model, cell, { readEvery: 16 });
  await pass.run();
  const seconds = [];
  for (let i = 0; i < repeats; i++) {
    counted.clear();
    submissions = 0;
    const start = process.cpuUsage();
    await pass.run();
    const { user, system } = process.cpuUsage(start);
    seconds.push((user + system) / 1e6 / units);
  }
  pass.dispose();
  releaseMemory();
  const dispatches = [...counted.values()].reduce((sum, count) => sum + count, 0) / units;
  const least = Math.min(...seconds);
  console.log(
    [
      name.padEnd(24),
      title.padEnd(9),
      dispatches.toFixed(1).padEnd(11),
      (submissions / units).toFixed(1).padEnd(12),
      (1e3 * least).toFixed(2).padEnd(7),
      ((1e6 * least) / dispatches).toFixed(1).padEnd(12),
    ].join(' '),
  );
  if (flags.list)
    for (const [kernel, count] of [...counted].sort(([, a], [, b]) => b - a))
      console.log(`  ${(count / units).toFixed(2).padStart(8)}  ${kernel}`);
}

async function zeroModel(spec) {
  const { config } = await openModel(spec);
  const parameters = new WeightsOfOneLayer();
  engine.use();
  for (const { name, shape, matrix } of modelParameters(config)) {
    if (LAYER.test(name) && !name.includes('layers.0.')) continue;
    const zeros = new Float32Array(shape.reduce((product, size) => product * size, 1));
    if (flags.dtype === 'f16' && matrix && fitsHalf(shape)) parameters.setHalf(name, zeros, shape);
    else parameters.set(name, zeros, shape);
  }
  return new Decoder(config, engine, parameters, flags.dtype);
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
