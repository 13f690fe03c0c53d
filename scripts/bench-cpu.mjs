// How fast the wasm engine multiplies matrices, by OpenBLAS and by XNNPACK: every transpose, batches, and the ragged shapes of a
// model. Each library is measured in a process of its own.
// Usage: node scripts/bench-cpu.mjs [--only REGEX] [--seconds 0.3] [--repeats 5] [--peer FILE.json] [--output results/cpu]
//        node scripts/bench-cpu.mjs --list      the cases as JSON, for whoever measures a peer
// --peer names what another program reaches: {"name": "numpy 2.4", "gflops": {"<case>": 180, ...}}. Writes matmul.csv and run.json.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { stringify } from 'csv-stringify/sync';
import { packageRoot, readBuildInfo } from '../dist/src/package-root.js';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '0.3' },
    repeats: { type: 'string', default: '5' },
    peer: { type: 'string' },
    output: { type: 'string', default: path.join(packageRoot, 'results', 'cpu') },
    list: { type: 'boolean', default: false },
    measure: { type: 'boolean', default: false },
  },
});

/** a [batches of a, m, k] times b [batches of b, k, n], either of them stored with its last two axes swapped. */
const cases = [
  ...everyTranspose({ group: 'square', a: 1, b: 1, m: 1024, n: 1024, k: 1024 }),
  ...everyTranspose({ group: 'batch', a: 16, b: 16, m: 256, n: 256, k: 64 }),
  ...everyTranspose({ group: 'batch x one', a: 8, b: 1, m: 128, n: 512, k: 512 }),
  ...everyTranspose({ group: 'one x batch', a: 1, b: 8, m: 128, n: 512, k: 512 }),
  ...everyTranspose({ group: 'ragged', a: 3, b: 3, m: 97, n: 131, k: 61 }),
  // A model of hidden size 1024, 16 heads of 64, on rows of 77 tokens: layers, attention, gradients, head, and one token.
  { group: 'linear 77 tokens', a: 1, b: 1, m: 77, n: 1024, k: 1024, right: 'T' },
  { group: 'linear 616 tokens', a: 1, b: 1, m: 616, n: 2816, k: 1024, right: 'T' },
  { group: 'gradient of x', a: 1, b: 1, m: 616, n: 1024, k: 2816 },
  { group: 'gradient of W', a: 1, b: 1, m: 2816, n: 1024, k: 616, left: 'T' },
  { group: 'q k^T', a: 128, b: 128, m: 77, n: 77, k: 64, right: 'T' },
  { group: 'scores v', a: 128, b: 128, m: 77, n: 64, k: 77 },
  { group: 'head', a: 1, b: 1, m: 166, n: 50277, k: 256, right: 'T' },
  { group: 'one token', a: 1, b: 1, m: 1, n: 2816, k: 1024, right: 'T' },
].map((shape) => ({ left: 'N', right: 'N', ...shape }));

function everyTranspose(shape) {
  return ['NN', 'NT', 'TN', 'TT'].map(([left, right]) => ({ ...shape, left, right }));
}

const nameOf = ({ group, left, right, a, b, m, n, k }) => `${group} ${left}${right} ${a}x${b} ${m}x${n}x${k}`;
const chosen = cases.filter((shape) => new RegExp(flags.only).test(nameOf(shape)));

if (flags.list) console.log(JSON.stringify(Object.fromEntries(chosen.map((shape) => [nameOf(shape), shape])), null, 1));
else if (flags.measure) process.stdout.write(JSON.stringify(await measureAll()));
else await benchAll();

async function benchAll() {
  const { writeAtomically } = await import('../dist/src/write-atomically.js');
  const started = new Date();
  const loadAverage = os.loadavg();
  const peer = flags.peer === undefined ? null : JSON.parse(readFileSync(flags.peer, 'utf8'));
  const libraries = ['', 'off'].map(measureInProcess);
  const rows = chosen.flatMap((shape) =>
    libraries.map(({ blas, results }) => {
      const name = nameOf(shape);
      const { seconds, mad } = results[name];
      const gflops = operations(shape) / seconds / 1e9;
      const peerGflops = peer?.gflops[name];
      console.error(`${name.padEnd(44)} ${blas.padEnd(44)} ${gflops.toFixed(1).padStart(7)} GFLOP/s`);
      return {
        ...{ case: shape.group, transposes: `${shape.left}${shape.right}`, batch_a: shape.a, batch_b: shape.b },
        ...{ m: shape.m, n: shape.n, k: shape.k, blas, median_seconds: seconds, mad_seconds: mad, gflops },
        peer_gflops: peerGflops,
        share_of_peer: peerGflops && gflops / peerGflops,
      };
    }),
  );
  await writeAtomically(path.join(flags.output, 'matmul.csv'), stringify(rows, { header: true }));
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
    settings: { backend: 'wasm', blas: libraries.map(({ blas }) => blas), repeats: Number(flags.repeats) },
    peer: peer?.name ?? null,
    started: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
  };
  await writeAtomically(path.join(flags.output, 'run.json'), `${JSON.stringify(record, null, 2)}\n`);
}

function measureInProcess(library) {
  const argv = [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--measure'];
  const env = { ...process.env, ...(library === '' ? {} : { SWAT_EVAL_BLAS: library }) };
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Median time of a product, over repeats that are each as many products as fill some time. */
async function measureAll() {
  const tf = await import('../dist/vendor/tfjs.js');
  const { startEngine } = await import('../dist/src/backends/engine.js');
  await import('../dist/src/kernels/register.js');
  const engine = await startEngine('wasm');
  engine.use();
  const results = {};
  for (const shape of chosen) {
    const { a, b, m, n, k, left, right } = shape;
    const random = (rows, columns, count, swapped) =>
      tf.randomNormal([...(count === 1 ? [] : [count]), ...(swapped ? [columns, rows] : [rows, columns])]);
    const x = random(m, k, a, left === 'T');
    const y = random(k, n, b, right === 'T');
    const multiply = () => tf.matMul(x, y, left === 'T', right === 'T').dispose();
    multiply();
    const repeats = Number(flags.repeats);
    const batchTime = Number(flags.seconds) / repeats;
    let count = 1;
    while (timeOf(multiply, count) < batchTime) count *= 2;
    const times = Array.from({ length: repeats }, () => timeOf(multiply, count) / count);
    const seconds = median(times);
    results[nameOf(shape)] = { seconds, mad: median(times.map((time) => Math.abs(time - seconds))) };
    tf.dispose([x, y]);
  }
  return { blas: engine.blas, results };
}

function timeOf(body, count) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) body();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function operations({ a, b, m, n, k }) {
  return 2 * Math.max(a, b) * m * n * k;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
