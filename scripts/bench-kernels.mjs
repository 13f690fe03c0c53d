// How fast each fused WGSL kernel is at each of its shapes, beside what the device reaches in a matrix product and in a copy in the
// same run, and how far it is from f64 arithmetic. The cases are those of src/bench/kernel-cases/.
// Usage: node scripts/bench-kernels.mjs [--only REGEX] [--skip-error] [--output results/kernels]
// Writes kernels.csv, and run.json with the device and the digest of all kernels' texts. Ends with 5 where a case failed.
import { readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { stringify } from 'csv-stringify/sync';
import { startEngine } from '../dist/src/backends/engine.js';
import { TOGGLES } from '../dist/src/backends/webgpu.js';
import { copySeconds, productSeconds } from '../dist/src/bench/ceilings.js';
import { kernelPrograms, programsDigest } from '../dist/src/bench/kernel-programs.js';
import { releaseFreeMemory } from '../dist/src/backends/engine-memory.js';
import { repeatedSeconds } from '../dist/src/bench/repeat.js';
import { median, medianAbsoluteDeviation } from '../dist/src/bench/statistics.js';
import { hasTensorCores, usePrecision } from '../dist/src/kernels/webgpu/precision.js';
import { deviceBackend } from '../dist/src/kernels/webgpu/runner.js';
import { packageRoot, readBuildInfo } from '../dist/src/package-root.js';
import { renderText } from '../dist/src/report/render-text.js';
import { textCell } from '../dist/src/report/table.js';
import { writeAtomically } from '../dist/src/write-atomically.js';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    'skip-error': { type: 'boolean', default: false },
    output: { type: 'string', default: path.join(packageRoot, 'results', 'kernels') },
  },
});

const started = new Date();
const engine = await startEngine('webgpu', { log: (sentence) => console.error(sentence) });
engine.use();
const ceilings = await measureCeilings();
console.error(
  `copy ${(ceilings.copy / 1e9).toFixed(0)} GB/s, matmul f32 ${tera(ceilings.f32)}, f16 ${tera(ceilings.f16)} TFLOP/s`,
);

const rows = [];
for (const kernelCase of await readCases()) {
  const row = await measureCase(kernelCase);
  rows.push(row);
  console.error(`${row.kernel} ${row.shape} ${row.precision}: ${row.status}`);
}
await writeResults();
process.stdout.write(table());
const failed = rows.filter(({ status }) => status.startsWith('failed'));
// Dawn keeps the process alive.
process.exit(failed.length > 0 ? 5 : 0);

/** Operations and bytes a second; a software adapter gets sizes that it can do. */
async function measureCeilings() {
  const [side, bytes] = engine.software ? [256, 2 ** 24] : [8192, 2 ** 31];
  const product = async (precision) => (2 * side ** 3) / median(await productSeconds(side, precision));
  return {
    side,
    f32: await product('f32'),
    f16: hasTensorCores() ? await product('f16') : null,
    // Half of the bytes are read, half are written.
    copy: bytes / median(await copySeconds(engine, bytes / 8)),
    copyBytes: bytes,
  };
}

async function readCases() {
  const directory = path.join(packageRoot, 'dist', 'src', 'bench', 'kernel-cases');
  const files = readdirSync(directory).filter((file) => file.endsWith('.js'));
  const modules = await Promise.all(files.sort().map((file) => import(pathToFileURL(path.join(directory, file)).href)));
  const wanted = new RegExp(flags.only);
  return modules
    .flatMap(({ cases }) => cases ?? [])
    .filter(({ kernel, shape, precision }) => wanted.test(`${kernel} ${shape} ${precision}`));
}

async function measureCase({ kernel, shape, precision, flops, bytes, bound, prepare, error }) {
  const row = { kernel, shape, precision, bound };
  if (precision === 'f16' && !hasTensorCores()) return { ...row, status: 'skipped: no f16 tensor cores' };
  usePrecision(precision);
  try {
    const seconds = await engine.guard(async () => {
      const prepared = prepare();
      try {
        return await repeatedSeconds(prepared.run);
      } finally {
        prepared.dispose();
      }
    });
    const middle = median(seconds);
    const ceiling = bound === 'memory' ? ceilings.copy : ceilings[precision];
    return {
      ...row,
      p50_ns: middle * 1e9,
      mad_ns: medianAbsoluteDeviation(seconds) * 1e9,
      tflops_per_s: flops / middle / 1e12,
      gb_per_s: bytes / middle / 1e9,
      ceiling_share: (bound === 'memory' ? bytes : flops) / middle / ceiling,
      error: flags['skip-error'] ? null : await engine.guard(error),
      status: 'ok',
    };
  } catch (problem) {
    return { ...row, status: `failed: ${problem.message.split('\n', 1)[0]}` };
  } finally {
    releaseFreeMemory();
  }
}

async function writeResults() {
  const columns = 'kernel shape precision bound p50_ns mad_ns tflops_per_s gb_per_s ceiling_share error status'.split(
    ' ',
  );
  await writeAtomically(path.join(flags.output, 'kernels.csv'), stringify(rows, { header: true, columns }));
  const { device } = deviceBackend();
  const programs = await kernelPrograms();
  const record = {
    format: 1,
    kind: 'kernels',
    created: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    only: flags.only,
    build: readBuildInfo(),
    kernels: { programs: programs.length, sha256: programsDigest(programs) },
    ceilings: {
      matmul_side: ceilings.side,
      f32_flops_per_s: ceilings.f32,
      f16_flops_per_s: ceilings.f16,
      copy_bytes: ceilings.copyBytes,
      copy_bytes_per_s: ceilings.copy,
    },
    device: {
      adapter: engine.device,
      software: engine.software,
      features: [...device.features].sort(),
      toggles: TOGGLES,
    },
    machine: {
      cpu: os.cpus()[0].model.trim(),
      cores: os.cpus().length,
      node: process.version,
      system: `${os.type()} ${os.release()}`,
    },
    cases: rows.length,
    failed: rows.filter(({ status }) => status.startsWith('failed')).length,
  };
  await writeAtomically(path.join(flags.output, 'run.json'), `${JSON.stringify(record, null, 2)}\n`);
}

function table() {
  const number = (value, digits) => (value === null || value === undefined ? '–' : value.toFixed(digits));
  const columns = [
    ['kernel', 'left', (row) => row.kernel],
    ['shape', 'left', (row) => row.shape],
    ['precision', 'left', (row) => row.precision],
    ['us', 'right', (row) => (row.status === 'ok' ? number(row.p50_ns / 1e3, 1) : row.status)],
    ['TFLOP/s', 'right', (row) => number(row.tflops_per_s, 2)],
    ['GB/s', 'right', (row) => number(row.gb_per_s, 0)],
    ['% of', 'left', (row) => (row.bound === 'memory' ? 'copy' : 'matmul')],
    ['share', 'right', (row) => number(row.ceiling_share && 100 * row.ceiling_share, 0)],
    ['error', 'right', (row) => row.error?.toExponential(1) ?? '–'],
  ];
  return renderText({
    columns: columns.map(([title, align]) => ({ key: title, title, align })),
    sections: [rows.map((row) => columns.map(([, , text]) => textCell(text(row))))],
    remarks: [],
  });
}

function tera(flops) {
  return flops === null ? '–' : (flops / 1e12).toFixed(1);
}
