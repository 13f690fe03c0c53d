// Whether the fused kernels compute what they should on the adapter at hand: all golden models in f32 and, where the adapter has it,
// f16; fused against composite at ragged shapes; the same bits twice; all memory back when models go.
// Usage: node scripts/verify-gpu.mjs [GOLDEN_DIRECTORY...] [--only REGEX] [--output results/verify-gpu]
// The directories hold a folder a golden model. Writes run.json and ends with 1 if a check fails.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { startEngine } from '../dist/src/backends/engine.js';
import { TOGGLES } from '../dist/src/backends/webgpu.js';
import { kernelPrograms, programsDigest } from '../dist/src/bench/kernel-programs.js';
import { releaseFreeMemory } from '../dist/src/backends/engine-memory.js';
import { randomIntegers } from '../dist/src/bench/random.js';
import { loadModel } from '../dist/src/index.js';
import { hasTensorCores } from '../dist/src/kernels/webgpu/precision.js';
import { deviceBackend } from '../dist/src/kernels/webgpu/runner.js';
import { listBaselines } from '../dist/src/models/registry.js';
import { formsDuring, withoutFusedKernels } from '../dist/src/ops/op.js';
import { packageRoot, readBuildInfo } from '../dist/src/package-root.js';
import { renderText } from '../dist/src/report/render-text.js';
import { textCell } from '../dist/src/report/table.js';
import { writeAtomically } from '../dist/src/write-atomically.js';
import {
  GRADIENT,
  goldenDifferences,
  halfDifference,
  halfLogits,
  largestDifference,
  LOGITS,
  LOSS,
} from '../dist/test/models/golden-models.js';
import { relativeDifference } from '../dist/test/ops/differences.js';

/** Fused against composite in f32: two orders of summation, relative to the norm. */
const FUSED = { logits: 1e-4, gradient: 1e-3 };
const RAGGED = [
  [1, 2],
  [2, 17],
  [1, 65],
  [2, 130],
];
const RELOADS = 20;
/** Of a failed check, said at once; the record and the table have all. */
const FIGURES_SAID = 4;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    output: { type: 'string', default: path.join(packageRoot, 'results', 'verify-gpu') },
  },
});

const wanted = new RegExp(flags.only);
const started = new Date();
const engine = await startEngine('webgpu', { log: (sentence) => console.error(sentence) });
engine.use();
const precisions = hasTensorCores() ? ['f32', 'f16'] : ['f32'];
const checks = [];

for (const directory of goldenModels())
  for (const dtype of precisions)
    await check(`golden ${path.basename(directory)} ${dtype}`, () => compareWithGolden(directory, dtype));
for (const { name } of await listBaselines()) {
  await check(`fused = composite ${name}`, () => compareWithComposite(`${name}:tiny,seed=1`));
  for (const dtype of precisions)
    await check(`same bits twice ${name} ${dtype}`, () => runTwice(`${name}:tiny,seed=1`, dtype));
}
await check(`memory after ${RELOADS} loads`, reload);
if (checks.length === 0) throw new Error(`no check is named like ${wanted}`);

const failures = checks.filter(({ status }) => status === 'failed');
await writeRecord();
process.stdout.write(table());
// Dawn keeps the process alive.
process.exit(failures.length > 0 ? 1 : 0);

/** Each model once, by its name: the repository's fixtures are among the shared ones. */
function goldenModels() {
  const places =
    positionals.length > 0
      ? positionals
      : [path.join(packageRoot, '..', 'shared', 'golden'), path.join(packageRoot, 'test', 'fixtures', 'golden')];
  const models = new Map();
  for (const place of places.filter((place) => existsSync(place)))
    for (const name of readdirSync(place).sort())
      if (existsSync(path.join(place, name, 'golden.safetensors')) && !models.has(name))
        models.set(name, path.join(place, name));
  if (models.size === 0) throw new Error(`no golden models in ${places.join(', ')}`);
  return [...models.values()];
}

/** Loads nothing where it is not wanted. @param body gives figures with their bounds: `{ what, value, bound, detail? }` */
async function check(name, body) {
  if (!wanted.test(name)) return;
  const began = performance.now();
  const result = await body().then(
    (figures) => ({
      figures,
      status: figures.every(holds) ? 'ok' : 'failed',
      error: null,
    }),
    (error) => ({ figures: [], status: 'failed', error: error.message.split('\n', 1)[0] }),
  );
  releaseFreeMemory();
  const seconds = (performance.now() - began) / 1000;
  checks.push({ name, ...result, seconds });
  console.error(`${result.status.padEnd(6)} ${name}, ${seconds.toFixed(1)} s${reason(result)}`);
}

/** A figure that is no number does not hold. */
function holds({ value, bound }) {
  return value <= bound;
}

/** Why a check failed, a figure a line. */
function reason({ figures, error }) {
  if (error !== null) return `: ${error}`;
  const failed = figures.filter((figure) => !holds(figure));
  const lines = failed
    .slice(0, FIGURES_SAID)
    .map(({ what, value, bound, detail }) =>
      [`${what}: ${shortly(value)}, at most ${shortly(bound)}`, detail].filter(Boolean).join('; '),
    );
  if (failed.length > FIGURES_SAID) lines.push(`${failed.length - FIGURES_SAID} more of ${figures.length} figures`);
  return lines.map((line) => `\n         ${line}`).join('');
}

function shortly(value) {
  return Number.isInteger(value) ? String(value) : value.toExponential(1);
}

/** A model in f16 computes no gradients. */
async function compareWithGolden(directory, dtype) {
  if (dtype === 'f16')
    return [{ what: 'logits', value: await halfDifference(directory), bound: halfLogits(directory) }];
  const { logits, loss, gradients } = await goldenDifferences(directory, { backend: 'webgpu' });
  return [
    { what: 'logits', value: logits, bound: LOGITS },
    { what: 'loss', value: loss, bound: LOSS },
    ...[...gradients].map(([name, value]) => ({ what: `gradient of ${name}`, value, bound: GRADIENT })),
  ];
}

async function compareWithComposite(spec) {
  const model = await loadModel(spec, { backend: 'webgpu' });
  const figures = [];
  try {
    for (const [batch, length] of RAGGED) {
      const ids = randomIds(batch, length);
      const { value: fused, forms } = await formsDuring(() => logitsAndGradients(model, ids));
      const composite = await withoutFusedKernels(() => logitsAndGradients(model, ids));
      const shape = `B${batch} T${length}`;
      const count = [...forms.values()].filter((form) => form === 'fused').length;
      figures.push({
        what: `logits ${shape}, ${count} of ${forms.size} forms fused`,
        value: relativeDifference(fused.logits, composite.logits),
        bound: FUSED.logits,
        detail: farthest(fused.logits, composite.logits),
      });
      for (const [name, gradient] of composite.gradients)
        figures.push({
          what: `gradient of ${name} ${shape}`,
          value: isZero(gradient)
            ? largestDifference(fused.gradients.get(name), gradient)
            : relativeDifference(fused.gradients.get(name), gradient),
          bound: FUSED.gradient,
          detail: farthest(fused.gradients.get(name), gradient),
        });
    }
  } finally {
    await model.dispose();
  }
  return figures;
}

/** Both are recorded before either is awaited. */
async function logitsAndGradients(model, ids) {
  const [logits, { gradients }] = await Promise.all([model.logits(ids), model.lossAndGradients(ids)]);
  return { logits: logits.data, gradients };
}

async function runTwice(spec, dtype) {
  const [first, second] = [await once(), await once()];
  return [
    { what: 'logits', ...differingBits(first.logits, second.logits) },
    ...[...first.gradients].map(([name, gradient]) => ({
      what: `gradient of ${name}`,
      ...differingBits(gradient, second.gradients.get(name)),
    })),
  ];

  async function once() {
    const model = await loadModel(spec, { backend: 'webgpu', dtype });
    try {
      const ids = randomIds(2, 130);
      if (dtype === 'f32') return await logitsAndGradients(model, ids);
      return { logits: (await model.logits(ids)).data, gradients: new Map() };
    } finally {
      await model.dispose();
    }
  }
}

/** How many elements differ in their bits, of which none may. */
function differingBits(a, b) {
  const [x, y] = [a, b].map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length));
  const value = x.reduce((count, bits, i) => count + (bits === y[i] ? 0 : 1), 0);
  const first = x.findIndex((bits, i) => bits !== y[i]);
  const detail = first < 0 ? '' : `of ${x.length} elements; the first is element ${first}, ${a[first]} and ${b[first]}`;
  return { value, bound: 0, detail };
}

/** The element that is farthest off, or is no number. */
function farthest(found, wanted) {
  const off = (i) => (Number.isNaN(found[i] - wanted[i]) ? Infinity : Math.abs(found[i] - wanted[i]));
  let worst = 0;
  for (let i = 1; i < found.length; i++) if (off(i) > off(worst)) worst = i;
  return `element ${worst} of ${found.length} is ${found[worst]}, not ${wanted[worst]}`;
}

/** Bytes in use before the first model and after the last one, and bytes held after the first one and after the last one. */
async function reload() {
  releaseFreeMemory();
  const { pool } = deviceBackend();
  const before = pool.usedBytes;
  let heldAfterFirst = 0;
  for (let i = 0; i < RELOADS; i++) {
    const model = await loadModel('swat:tiny,seed=1', { backend: 'webgpu' });
    await model.lossAndGradients(randomIds(2, 65));
    await model.dispose();
    releaseFreeMemory();
    if (i === 0) heldAfterFirst = pool.heldBytes;
  }
  return [
    { what: 'bytes still used', value: pool.usedBytes - before, bound: 0 },
    { what: 'bytes held beyond those after the first', value: pool.heldBytes - heldAfterFirst, bound: 0 },
  ];
}

function randomIds(batch, length) {
  return Array.from({ length: batch }, (_, row) => [...randomIntegers(length, 256, row)]);
}

function isZero(values) {
  return values.every((value) => value === 0);
}

async function writeRecord() {
  const programs = await kernelPrograms();
  const record = {
    format: 1,
    kind: 'verify-gpu',
    created: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    status: failures.length === 0 ? 'ok' : 'failed',
    build: readBuildInfo(),
    kernels: { programs: programs.length, sha256: programsDigest(programs) },
    device: {
      adapter: engine.device,
      software: engine.software,
      features: [...deviceBackend().device.features].sort(),
      toggles: TOGGLES,
    },
    node: process.version,
    precisions,
    checks: checks.map(({ figures, ...rest }) => ({ ...rest, figures: shown(figures) })),
  };
  await writeAtomically(path.join(flags.output, 'run.json'), `${JSON.stringify(record, null, 2)}\n`);
}

/** All that failed, and the worst of the rest. */
function shown(figures) {
  const failed = figures.filter((figure) => !holds(figure));
  const worst = figures.reduce(
    (a, b) => (a === null || b.value / (b.bound || 1) > a.value / (a.bound || 1) ? b : a),
    null,
  );
  return failed.length > 0 || worst === null ? failed : [worst];
}

function table() {
  const rows = checks.flatMap(({ name, status, error, figures, seconds }) =>
    (error === null ? shown(figures) : [{ what: error, value: NaN, bound: NaN }]).map(({ what, value, bound }) => [
      name,
      status,
      what,
      Number.isNaN(value) ? '–' : value.toExponential(1),
      Number.isNaN(bound) ? '–' : bound.toExponential(0),
      seconds.toFixed(1),
    ]),
  );
  const titles = ['check', 'status', 'worst', 'off by', 'bound', 's'];
  return renderText({
    columns: titles.map((title, k) => ({ key: title, title, align: k > 2 ? 'right' : 'left' })),
    sections: [rows.map((row) => row.map(textCell))],
    remarks: [
      `${checks.length - failures.length} of ${checks.length} checks passed on ${engine.device} (${precisions.join(', ')})`,
    ],
  });
}
