// How fast one layer's mixer is, and how much memory it takes, against sequence length: every baseline on wasm, forward and
// forward + backward. Its shape is a quarter of the 340M one: heads of the same size, a quarter of them. Each cell is a process
// of its own, with a heap of its own: one that runs out of memory is recorded as such and costs no other.
// Usage: node scripts/bench-mixers.mjs [--baselines a,b] [--lengths 256,512] [--repeats 5] [--output results/mixers]
// Writes mixers.csv, and run.json with the build, the machine and the settings.
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { stringify } from 'csv-stringify/sync';
import { packageRoot, readBuildInfo } from '../dist/src/package-root.js';

const WIDTH = 256;
const SCALE = 4;
const PASSES = ['forward', 'forward+backward'];
const HEADS = /^num_(attention_|kv_|key_value_|v_)?heads$/;
const VOCABULARY = 256; // not measured: a mixer sees hidden states

const { values: flags } = parseArgs({
  options: {
    baselines: { type: 'string' },
    lengths: { type: 'string', default: '256,512,1024,2048,4096,8192' },
    repeats: { type: 'string', default: '5' },
    output: { type: 'string', default: path.join(packageRoot, 'results', 'mixers') },
    cell: { type: 'string' },
  },
});

if (flags.cell === undefined) await benchAll();
else process.stdout.write(JSON.stringify(await measure(JSON.parse(flags.cell))));

async function benchAll() {
  const { listBaselines } = await import('../dist/src/models/registry.js');
  const { writeAtomically } = await import('../dist/src/write-atomically.js');
  const started = new Date();
  const loadAverage = os.loadavg();
  const all = await listBaselines();
  const wanted = flags.baselines?.split(',') ?? all.map(({ name }) => name);
  const unknown = wanted.filter((name) => !all.some((baseline) => baseline.name === name));
  if (unknown.length > 0) throw new Error(`unknown baselines: ${unknown.join(', ')}`);
  const baselines = all.filter(({ name }) => wanted.includes(name));
  const lengths = flags.lengths.split(',').map(Number);
  const repeats = Number(flags.repeats);
  const configs = Object.fromEntries(baselines.map(({ name, sizes }) => [name, quarter(sizes['340m'])]));

  const rows = [];
  for (const { name } of baselines)
    for (const pass of PASSES)
      for (const length of lengths) {
        const row = { baseline: name, pass, length, ...runCell({ config: configs[name], length, pass, repeats }) };
        rows.push(row);
        const speed = row.tokens_per_second?.toFixed(0).padStart(8) ?? '';
        console.error(`${name.padEnd(16)} ${pass.padEnd(16)} ${String(length).padStart(5)} ${speed} ${row.status}`);
      }

  const columns = 'baseline pass length status tokens_per_second median_seconds repeats peak_bytes kernels'.split(' ');
  await writeAtomically(path.join(flags.output, 'mixers.csv'), stringify(rows, { header: true, columns }));
  const record = {
    build: readBuildInfo(),
    machine: {
      cpu: os.cpus()[0].model.trim(),
      cores: os.cpus().length,
      memory_bytes: os.totalmem(),
      system: `${os.type()} ${os.release()} ${process.arch}`,
      node: process.version,
      load_average_at_start: loadAverage,
    },
    settings: { backend: 'wasm', dtype: 'f32', batch: 1, lengths, repeats, warm_up: 1, configs },
    started: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    cells: rows.length,
    failed: rows.filter(({ status }) => status !== 'ok').length,
  };
  await writeAtomically(path.join(flags.output, 'run.json'), `${JSON.stringify(record, null, 2)}\n`);
}

/** config.json of one layer with a quarter of the width and of the heads. */
function quarter(config) {
  const heads = Object.entries(config).filter(([key]) => HEADS.test(key));
  return {
    ...config,
    ...Object.fromEntries(heads.map(([key, count]) => [key, Math.max(1, Math.round(count / SCALE))])),
    vocab_size: VOCABULARY,
    hidden_size: WIDTH,
    num_hidden_layers: 1,
  };
}

function runCell(cell) {
  const argv = [fileURLToPath(import.meta.url), '--cell', JSON.stringify(cell)];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  if (status === 0) return { status: 'ok', ...JSON.parse(stdout) };
  if (/Aborted\(|out of memory/i.test(stderr)) return { status: 'out of memory', repeats: cell.repeats };
  const reason = /(RuntimeError|Error): .*/.exec(stderr)?.[0] ?? `ended with ${signal ?? status}`;
  return { status: `failed: ${reason}`, repeats: cell.repeats };
}

/** One mixer at one length: median time of the repeats after a warm-up, and the most bytes that tensors took. */
async function measure({ config: raw, length, pass, repeats }) {
  const tf = await import('../dist/vendor/tfjs.js');
  const { startEngine } = await import('../dist/src/backends/engine.js');
  const { familyOf } = await import('../dist/src/models/families.js');
  const { initialWeights } = await import('../dist/src/models/initialisation.js');
  const { normaliseConfig } = await import('../dist/src/models/checkpoint/normalise-config.js');
  (await startEngine('wasm')).use();

  const config = normaliseConfig(raw, 'config.json');
  const mixer = familyOf(config).createMixer(config, 0);
  const draw = (spec) => tf.tensor(initialWeights(spec, 1), spec.shape);
  const weights = new Map(mixer.parameters.map((parameter) => [parameter.name, draw(parameter)]));
  const hidden = (name) =>
    draw({ name, shape: [1, length, config.hiddenSize], initialisation: { kind: 'normal', std: 1 } });
  const [x, dy] = [hidden('x'), hidden('dy')];
  const weight = (name) => weights.get(name);
  const context = { position: 0, weight, matrix: weight };
  const forward = () => mixer.forward(x, null, context).y;
  const body =
    pass === 'forward'
      ? () => [tf.tidy(forward)]
      : () => tf.tidy(() => tf.grads(forward)([x, ...weights.values()], dy));

  const run = async () => {
    const start = process.hrtime.bigint();
    const results = body();
    await results.at(-1).data();
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    tf.dispose(results);
    return seconds;
  };
  await run();
  const { peakBytes, kernelNames } = await tf.profile(body);
  const known = new Set(Object.values(tf).filter((value) => typeof value === 'string')); // names of tfjs's own kernels
  const fused = kernelNames.some((name) => !known.has(name) && tf.getKernel(name, 'wasm') !== undefined);
  const seconds = [];
  for (let i = 0; i < repeats; i++) seconds.push(await run());
  const middle = median(seconds);
  return {
    tokens_per_second: length / middle,
    median_seconds: middle,
    repeats,
    peak_bytes: peakBytes,
    kernels: fused ? 'fused' : 'composite',
  };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
