// Variants of the f16 product on a real adapter: right, then how fast.
// Usage: node scratch/bench-matmul-variants.mjs DIRECTORY [--budget 55] [--only REGEX] [--null] (Dawn's null device: values unchecked)
// Prints and writes DIRECTORY/matmul-variants.csv after every round, so that a run that is cut short leaves what it had.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { edgesOf, tensorCoreProgram, tileOf } from '../dist/src/kernels/webgpu/matmul-tensor-core.js';
import { tensorCoreProgram as presentProgram } from './matmul-present.mjs';
import { VARIANTS, counts } from './matmul-variants.mjs';

const args = process.argv.slice(2);
const option = (name, other) => (args.includes(name) ? args[args.indexOf(name) + 1] : other);
const directory = args[0] ?? '.';
const budget = Number(option('--budget', '55'));
const only = new RegExp(option('--only', ''));
const nothing = args.includes('--null');
/** Plain products in place of the variants and small shapes: tries this file out on a software adapter. */
const naive = args.includes('--naive');
const started = performance.now();
const elapsed = () => (performance.now() - started) / 1000;

const SHAPES = [
  { m: 4096, n: 4096, k: 4096 },
  { m: 8192, n: 8192, k: 8192 },
  { m: 32768, n: 1024, k: 1024 },
  { m: 32768, n: 2816, k: 1024 },
  { m: 32768, n: 1024, k: 2816 },
  { m: 8192, n: 32000, k: 1024 },
].map(({ m, n, k }) => (naive ? { m: m / 32, n: n / 32, k: k / 32 } : { m, n, k }));
/** Divided by every tile, more rows of tiles than a group has, an odd number of slices; 16 but no tile divides; nothing divides. */
const CHECKS = [
  { m: 2304, n: 256, k: 160 },
  { m: 208, n: 144, k: 176 },
  { m: 203, n: 136, k: 104 },
];
const ROUNDS = 3;
const SAMPLES = 4;
const SUBMISSION_SECONDS = 0.012;

// WEBGPU: the path of the package's index.js, where it is in no node_modules above this file.
const { create, globals } = await import(process.env.WEBGPU ?? 'webgpu');
Object.assign(globalThis, globals);
const TOGGLES = [
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,disable_robustness',
  'disable-dawn-features=lazy_clear_resource_on_first_use',
];
const gpu = create(nothing ? [...TOGGLES, 'backend=null'] : TOGGLES);
globalThis.keep = gpu; // Dawn dies when it is collected
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
];
const device = await adapter.requestDevice({
  requiredFeatures: naive ? [] : ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'],
  requiredLimits: Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
});
let complaints = 0;
device.addEventListener?.('uncapturederror', ({ error }) => {
  if (complaints++ < 10) console.error(`uncaptured: ${error.message.slice(0, 300)}`);
});
void device.lost.then(({ message }) => {
  console.error(`the device was lost: ${message}`);
  finish();
  process.exit(3);
});
console.log(
  `${adapter.info.description || adapter.info.device}, workgroup memory ${adapter.limits.maxComputeWorkgroupStorageSize}`,
);

const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
const buffer = (size, use = usage) => device.createBuffer({ size: Math.ceil(size / 256) * 256, usage: use });
const align = (bytes) => Math.ceil(bytes / 256) * 256;
const scale = nothing ? 1 / 64 : 1;
/** Operands are taken from different places of these in turn, so that what a product left in L2 is not the next one's input. */
const POOL = nothing || naive ? 16 * 2 ** 20 : 512 * 2 ** 20;
const poolA = buffer(POOL);
const poolB = buffer(POOL);
const largestC = Math.max(...SHAPES.map(({ m, n }) => 4 * m * n));
const sums = buffer(nothing ? 2 ** 20 * 16 : largestC);
await fillRandom(poolA, 1);
await fillRandom(poolB, 2);

const rows = VARIANTS.filter(({ name }) => only.test(name)).map((variant) => ({
  ...variant,
  status: 'not reached',
  errors: {},
  seconds: SHAPES.map(() => []),
}));
const references = new Map();
const pipelines = new Map();
const NAIVE = `
struct Shape { M: u32, N: u32, K: u32 }
@group(0) @binding(0) var<storage, read> A: array<u32>;
@group(0) @binding(1) var<storage, read> B: array<u32>;
@group(0) @binding(2) var<storage, read_write> C: array<f32>;
@group(0) @binding(3) var<uniform> p: Shape;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) all: vec3u) {
  for (var i = id.x; i < p.M * p.N; i += 64 * all.x) {
    var sum = 0.0;
    for (var k = 0u; k < p.K / 2; k++) {
      sum += dot(unpack2x16float(A[i / p.N * p.K / 2 + k]), unpack2x16float(B[i % p.N * p.K / 2 + k]));
    }
    C[i] = sum;
  }
}`;
let presentSums;

for (const row of rows)
  for (const shape of [...SHAPES, ...checksOf(row)]) {
    try {
      void pipelineOf(row, shape);
    } catch {
      // heard where it is checked
    }
  }
for (const row of rows) {
  if (elapsed() > 0.6 * budget) break;
  const from = elapsed();
  try {
    await valid(() => check(row));
  } catch (problem) {
    row.status = `failed: ${String(problem.message).split('\n', 1)[0].slice(0, 200)}`;
  }
  console.log(`${row.name.padEnd(12)} ${row.status.padEnd(8)} ${errorsOf(row)} (${(elapsed() - from).toFixed(1)} s)`);
}
for (let round = 0; round < ROUNDS; round++) {
  for (const row of rows) {
    if (!/^(ok|wrong)/.test(row.status)) continue;
    for (const [index, shape] of SHAPES.entries()) {
      if (elapsed() > budget) break;
      try {
        row.seconds[index].push(...(await valid(() => time(row, shape))));
      } catch (problem) {
        row.status += `; ${nameOf(shape)}: ${String(problem.message).split('\n', 1)[0].slice(0, 200)}`;
      }
    }
  }
  finish();
  console.log(`round ${round + 1} of ${ROUNDS} done after ${elapsed().toFixed(1)} s`);
  if (elapsed() > budget) break;
}
printTable();
process.exit(0); // Dawn keeps the process alive

/** What the device refuses is an error, not a product that took no time. */
async function valid(body) {
  for (const filter of ['validation', 'out-of-memory', 'internal']) device.pushErrorScope(filter);
  try {
    return await body();
  } finally {
    const problems = [];
    for (let i = 0; i < 3; i++) problems.push(await device.popErrorScope());
    const problem = problems.find((found) => found !== null);
    if (problem) throw new Error(problem.message);
  }
}

// --- right ---

async function check(row) {
  let right = true;
  for (const shape of checksOf(row)) {
    const reference = await referenceOf(shape);
    const values = await resultOf(row, shape);
    const error = nothing ? 0 : frobenius(values, reference);
    row.errors[nameOf(shape)] = error;
    // Sums of 160 exact products in f32; C in f16 is rounded by up to 2^-11.
    if (!(error < (row.plan?.output === 'f16' ? 1e-3 : 1e-5))) right = false;
  }
  if (!nothing && row.plan?.output !== 'f16') {
    const shape = SHAPES[0];
    const values = await resultOf(row, shape);
    presentSums ??= values; // those of main's kernel, which comes first
    const error = frobenius(values, presentSums);
    row.errors[`${nameOf(shape)} against present`] = error;
    if (!(error < 1e-5)) right = false;
  }
  row.status = right ? 'ok' : 'wrong';
}

/** Reading fragments from memory and writing f16 are for whole tiles only. */
function checksOf({ plan }) {
  return CHECKS.slice(0, plan !== null && (plan.direct !== '' || plan.output === 'f16') ? 1 : 3);
}

async function resultOf(row, shape) {
  const { m, n } = shape;
  const half = row.plan?.output === 'f16';
  const c = buffer(4 * m * n + 1024);
  device.queue.writeBuffer(c, 0, new Float32Array(m * n).fill(NaN));
  const { pipeline, groups } = await prepare(row, shape);
  const { bind } = bindings(pipeline, shape, 0, c);
  submit(pipeline, [bind], groups, 1);
  const bytes = await read(c, 0, (half ? 2 : 4) * m * n);
  c.destroy();
  return half ? halves(new Uint16Array(bytes)) : new Float32Array(bytes);
}

/** In f64 from the operands as the device has them, [m, k] and [n, k]. */
async function referenceOf(shape) {
  const key = nameOf(shape);
  if (!references.has(key)) {
    const { m, n, k } = shape;
    const a = halves(new Uint16Array(await read(poolA, 0, 2 * m * k)));
    const b = halves(new Uint16Array(await read(poolB, 0, 2 * n * k)));
    const out = new Float64Array(m * n);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += a[i * k + l] * b[j * k + l];
        out[i * n + j] = sum;
      }
    references.set(key, out);
  }
  return references.get(key);
}

function frobenius(values, reference) {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    difference += (values[i] - reference[i]) ** 2;
    norm += reference[i] ** 2;
  }
  return Math.sqrt(difference / norm);
}

function halves(bits) {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const [exponent, fraction] = [(bits[i] >> 10) & 31, bits[i] & 1023];
    const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    out[i] = bits[i] >> 15 ? -size : size;
  }
  return out;
}

// --- fast ---

async function time(row, shape) {
  const { pipeline, groups } = await prepare(row, shape);
  const places = Math.max(1, Math.min(3, Math.floor(POOL / align(2 * shape.k * Math.max(shape.m, shape.n)))));
  const binds = Array.from({ length: places }, (_, i) => bindings(pipeline, shape, i, sums).bind);
  const once = async (count) => {
    const from = performance.now();
    submit(pipeline, binds, groups, count);
    await withinSeconds(10, device.queue.onSubmittedWorkDone(), 'not computed within 10 s');
    return (performance.now() - from) / 1000 / count;
  };
  await once(1);
  const guess = await once(2);
  const count = Math.max(2, Math.min(64, Math.round(SUBMISSION_SECONDS / guess)));
  const samples = [];
  for (let i = 0; i < SAMPLES && elapsed() < budget; i++) samples.push(await once(count));
  return samples;
}

/** Compiled once; all are begun together, since a driver takes seconds for some. */
function pipelineOf({ name, plan }, { m, n, k }) {
  const transposes = { transposeA: false, transposeB: true, residual: false };
  const present = { ragged: m % 128 !== 0 || n % 128 !== 0, tail: k % 32 !== 0 };
  const program =
    plan === null
      ? presentProgram({ ...transposes, ...present })
      : tensorCoreProgram({ ...transposes, ...edgesOf(m, n, k, plan) }, plan);
  const key = `${name} ${program.key}`;
  if (!pipelines.has(key)) {
    const compiled = compile(key, program.wgsl());
    compiled.catch(() => {}); // heard where it is awaited
    pipelines.set(key, compiled);
  }
  return pipelines.get(key);
}

async function compile(key, text) {
  const wgsl = naive ? NAIVE : text;
  const bytes = [...wgsl.matchAll(/var<workgroup> \w+: array<(\w+), (\d+)>/g)].reduce(
    (sum, [, element, count]) => sum + count * (element === 'vec4u' ? 16 : 4),
    0,
  );
  if (bytes > 49152) throw new Error(`${bytes} bytes of workgroup memory`);
  const module = device.createShaderModule({ code: wgsl, label: key });
  const { messages } = await module.getCompilationInfo();
  const error = messages.find(({ type }) => type === 'error');
  if (error) throw new Error(`line ${error.lineNum}: ${error.message}`);
  const from = elapsed();
  const made = device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: nothing ? stub(wgsl) : module, entryPoint: 'main' },
  });
  const pipeline = await withinSeconds(25, made, 'not compiled within 25 s');
  if (elapsed() - from > 2) console.log(`${key}: compiled in ${(elapsed() - from).toFixed(1)} s`);
  return pipeline;
}

/** A driver or device that never answers does not hold up the others. */
function withinSeconds(seconds, promise, sentence) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(sentence)), 1000 * seconds)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function prepare(row, shape) {
  const [tileM, tileN] = row.plan === null ? [128, 128] : tileOf(row.plan);
  return {
    pipeline: await pipelineOf(row, shape),
    groups: Math.ceil(shape.m / tileM) * Math.ceil(shape.n / tileN),
  };
}

/** The null device has 16 KiB of workgroup memory: the text is compiled, a kernel with its bindings stands in for it. */
function stub(wgsl) {
  const declared = wgsl.split('\n').filter((line) => /^(struct|@group)/.test(line));
  const code = `enable f16;\n${declared.join('\n')}
@compute @workgroup_size(1) fn main() { if (p.K == 0u) { _ = A[0]; _ = B[0]; C[0] = C[1]; } }`;
  return device.createShaderModule({ code });
}

function bindings(pipeline, { m, n, k }, place, c) {
  const uniform = buffer(16, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  device.queue.writeBuffer(uniform, 0, new Uint32Array([m, n, k, 0]));
  const part = (pool, bytes) => {
    const size = nothing ? Math.min(bytes, POOL / 4) : bytes;
    const offset = (place * align(bytes)) % Math.max(256, align(POOL - size - 256));
    return { buffer: pool, offset: nothing ? 0 : offset, size: align(size) };
  };
  const bind = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [
      { binding: 0, resource: part(poolA, 2 * m * k) },
      { binding: 1, resource: part(poolB, 2 * n * k) },
      { binding: 2, resource: { buffer: c, size: nothing ? undefined : align(4 * m * n) } },
      { binding: 3, resource: { buffer: uniform, size: 16 } },
    ],
  });
  return { bind };
}

function submit(pipeline, binds, groups, count) {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  for (let i = 0; i < count; i++) {
    pass.setBindGroup(0, binds[i % binds.length]);
    pass.dispatchWorkgroups(groups);
  }
  pass.end();
  device.queue.submit([encoder.finish()]);
}

async function read(from, offset, bytes) {
  const size = Math.ceil(bytes / 4) * 4;
  const target = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(from, offset, target, 0, size);
  device.queue.submit([encoder.finish()]);
  await withinSeconds(10, target.mapAsync(GPUMapMode.READ), 'not computed within 10 s');
  const copy = target.getMappedRange().slice(0, bytes);
  target.destroy();
  return copy;
}

/** Uniform in [-1, 1), made on the device. */
async function fillRandom(target, seed) {
  const code = `
@group(0) @binding(0) var<storage, read_write> words: array<u32>;
fn hash(x: u32) -> u32 {
  var h = x * 747796405u + ${(seed * 2891336453) % 4294967291}u;
  h = ((h >> ((h >> 28u) + 4u)) ^ h) * 277803737u;
  return (h >> 22u) ^ h;
}
fn number(x: u32) -> f32 { return f32(hash(x) >> 8u) / 8388608.0 - 1.0; }
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 256u + id.x;
  if (i < arrayLength(&words)) { words[i] = pack2x16float(vec2f(number(2u * i), number(2u * i + 1u))); }
}`;
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }) },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: target } }],
    }),
  );
  const groups = Math.ceil(target.size / 4 / 256);
  pass.dispatchWorkgroups(1024, Math.ceil(groups / 1024));
  pass.end();
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
}

// --- written ---

function nameOf({ m, n, k }) {
  return `${m}x${n}x${k}`;
}

function errorsOf({ errors }) {
  return Object.entries(errors)
    .map(([name, error]) => `${name}: ${error.toExponential(1)}`)
    .join('  ');
}

function median(values) {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted.length === 0 ? NaN : (sorted[sorted.length >> 1] + sorted[(sorted.length - 1) >> 1]) / 2;
}

function speeds({ seconds }) {
  return seconds.map((samples, i) => (2 * SHAPES[i].m * SHAPES[i].n * SHAPES[i].k) / median(samples) / 1e12);
}

function finish() {
  mkdirSync(directory, { recursive: true });
  const quote = (text) => `"${String(text).replaceAll('"', "'")}"`;
  const head = [
    'variant',
    'status',
    'errors',
    ...SHAPES.flatMap((s) => [`${nameOf(s)} TFLOP/s`, `${nameOf(s)} spread`, `${nameOf(s)} samples`]),
  ];
  const numbers = Object.keys(counts(null));
  const text = [[...head, ...numbers, 'plan', 'prediction', 'adapter'].join(',')];
  for (const row of rows) {
    const measured = speeds(row).flatMap((speed, i) => {
      const samples = row.seconds[i];
      const range = samples.length === 0 ? NaN : (Math.max(...samples) - Math.min(...samples)) / median(samples);
      return [speed.toFixed(1), range.toFixed(3), samples.length];
    });
    const counted = Object.values(counts(row.plan));
    text.push(
      [
        row.name,
        quote(row.status),
        quote(errorsOf(row)),
        ...measured,
        ...counted,
        quote(JSON.stringify(row.plan)),
        quote(row.why),
        quote(adapter.info.description || adapter.info.device),
      ].join(','),
    );
  }
  writeFileSync(path.join(directory, 'matmul-variants.csv'), `${text.join('\n')}\n`);
}

function printTable() {
  console.log(['variant'.padEnd(12), ...SHAPES.map((s) => nameOf(s).padStart(16)), '  LSU   L2  status'].join(''));
  for (const row of rows) {
    const { lsu_clocks: lsu, l2_clocks: l2 } = counts(row.plan);
    const cells = speeds(row).map((speed) => (Number.isNaN(speed) ? '-' : speed.toFixed(1)).padStart(16));
    console.log(
      `${row.name.padEnd(12)}${cells.join('')} ${String(lsu).padStart(5)} ${String(l2).padStart(4)}  ${row.status}`,
    );
  }
}
