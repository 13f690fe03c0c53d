// Whether the variants' indices and guards are right, where there are no tensor cores: 32 invocations hold a matrix together, eight
// elements each, and workgroup memory is a storage buffer. Rounding and missing barriers it does not show.
import { create, globals } from 'webgpu';
import { edgesOf, tensorCoreProgram, tileOf, threadsOf } from '../dist/src/kernels/webgpu/matmul-tensor-core.js';
import { VARIANTS } from './matmul-variants.mjs';

Object.assign(globalThis, globals);
const gpu = create([]);
globalThis.keep = gpu;
const adapter = await gpu.requestAdapter();
const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = adapter.limits;
const device = await adapter.requestDevice({
  requiredLimits: { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX },
});
device.addEventListener?.('uncapturederror', ({ error }) => console.error(error.message.slice(0, 600)));
const only = new RegExp(process.argv[2] ?? '');
const shapes = new RegExp(process.argv[3] ?? '');

function emulate(wgsl, binding) {
  const places = new Map();
  let words = 0;
  for (const [, name, element, count] of wgsl.matchAll(/var<workgroup> (\w+): array<(f32|vec4u), (\d+)>;/g)) {
    places.set(name, words);
    words += Number(count) * (element === 'f32' ? 1 : 4);
  }
  const exchange = words;
  words += 512 * 8;
  let text = wgsl
    .replace(/enable .*;|diagnostic\(.*\);/g, '')
    .replace(/var<workgroup> .*;/g, '')
    .replace(
      /subgroupMatrixLoad<subgroup_matrix_\w+<(\w+),\s*16,\s*16>,\s*(\w+)>\(&(\w+), /g,
      (_, type, order, name) =>
        places.has(name)
          ? `load_${order}(start_ + ${places.get(name)}u, `
          : type === 'f32'
            ? `load_${name}_f32(`
            : `load_${name}_${order}(`,
    )
    .replace(/subgroupMatrixStore<row_major>\(&C, /g, 'store_C(')
    .replace(/subgroupMatrixStore<row_major>\(&edge, /g, `store_edge(start_ + ${places.get('edge')}u, `)
    .replace(
      /(tile[AB])\[(.*)\] = (.*);/g,
      (_, name, index, value) => `put(start_ + ${places.get(name)}u + 4u * (${index}), ${value});`,
    )
    .replace(/edge\[([^\]]*)\]/g, `bitcast<f32>(memory[start_ + ${places.get('edge')}u + $1])`)
    .replace(/subgroupMatrixMultiplyAccumulate/g, 'multiply')
    .replace(/subgroup_matrix_\w+<\w+, 16, 16>/g, 'Matrix')
    .replace(/workgroupBarrier\(\)/g, 'storageBarrier()')
    .replace(
      /(fn main\()([^{]*\{)/,
      `$1@builtin(num_workgroups) all: vec3u, $2\n start_ = (group.z * all.x + group.x) * ${words}u; lane = me % 32u; swap = start_ + ${exchange}u + me / 32u * 512u;`,
    );
  const read = (name, get) => `
fn load_${name}_row_major(start: u32, stride: u32) -> Matrix { var m: Matrix;
  for (var i = 0u; i < 8; i++) { m[i] = ${get('8u * (start + lane / 2 * stride) + lane % 2 * 8 + i')}; } return m; }
fn load_${name}_col_major(start: u32, stride: u32) -> Matrix { var m: Matrix;
  for (var i = 0u; i < 8; i++) { m[i] = ${get('8u * (start + (lane % 2 * 8 + i) * stride) + lane / 2')}; } return m; }`;
  return {
    words,
    text: `${text}
@group(0) @binding(${binding}) var<storage, read_write> memory: array<u32>;
var<private> start_: u32; var<private> swap: u32; var<private> lane: u32;
alias Matrix = array<f32, 8>;
fn put(i: u32, v: vec4u) { for (var j = 0u; j < 4; j++) { memory[i + j] = v[j]; } }
fn half(base: u32, e: u32) -> f32 { return unpack2x16float(memory[base + e / 2])[e % 2]; }
fn load_row_major(base: u32, start: u32, stride: u32) -> Matrix { var m: Matrix;
  for (var i = 0u; i < 8; i++) { m[i] = half(base, 8u * (start + lane / 2 * stride) + lane % 2 * 8 + i); } return m; }
fn load_col_major(base: u32, start: u32, stride: u32) -> Matrix { var m: Matrix;
  for (var i = 0u; i < 8; i++) { m[i] = half(base, 8u * (start + (lane % 2 * 8 + i) * stride) + lane / 2); } return m; }
${['A', 'B'].map((name) => `fn half${name}(e: u32) -> f32 { return unpack2x16float(${name}[e / 8][e % 8 / 2])[e % 2]; }` + read(name, (e) => `half${name}(${e})`)).join('\n')}
fn store_edge(base: u32, start: u32, matrix: Matrix, stride: u32) { var m = matrix;
  for (var i = 0u; i < 8; i++) { memory[base + start + lane / 2 * stride + lane % 2 * 8 + i] = bitcast<u32>(m[i]); } }
${
  /C: array<f32>/.test(text)
    ? `fn store_C(start: u32, matrix: Matrix, stride: u32) { var m = matrix;
  for (var i = 0u; i < 8; i++) { C[start + lane / 2 * stride + lane % 2 * 8 + i] = m[i]; } }`
    : ''
}
${
  /R: array/.test(text)
    ? `fn load_R_f32(start: u32, stride: u32) -> Matrix { var m: Matrix;
  for (var i = 0u; i < 8; i++) { m[i] = R[start + lane / 2 * stride + lane % 2 * 8 + i]; } return m; }`
    : ''
}
fn multiply(left: Matrix, right: Matrix, sum: Matrix) -> Matrix { var a = left; var b = right; var m = sum;
  for (var i = 0u; i < 8; i++) { memory[swap + lane * 8 + i] = bitcast<u32>(a[i]); memory[swap + 256 + lane * 8 + i] = bitcast<u32>(b[i]); }
  storageBarrier();
  for (var k = 0u; k < 16; k++) { let f = bitcast<f32>(memory[swap + lane / 2 * 16 + k]);
    for (var i = 0u; i < 8; i++) { m[i] += f * bitcast<f32>(memory[swap + 256 + k * 16 + lane % 2 * 8 + i]); } }
  storageBarrier();
  return m; }`,
  };
}

const GPU = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
function bufferOf(data) {
  const made = device.createBuffer({ size: Math.max(256, data.byteLength), usage: GPU });
  device.queue.writeBuffer(made, 0, data);
  return made;
}
// Eighths from -1 to 1 are exact in f16, and so are their sums in f32.
const bitsOf = (x) =>
  x === 0
    ? 0
    : (x < 0 ? 0x8000 : 0) |
      ((Math.floor(Math.log2(Math.abs(x))) + 15) << 10) |
      ((Math.abs(x) / 2 ** Math.floor(Math.log2(Math.abs(x))) - 1) * 1024);
let state = 7;
const random = () => ((((state = (state * 1103515245 + 12345) % 2147483648) >> 12) % 17) - 8) / 8;

async function show(name, title, ...rest) {
  if (shapes.test(title)) console.log(name.padEnd(12), title, await compare(...rest));
}
async function compare(plan, { m, n, k }, { transposeA, transposeB, residual }) {
  const [a, b, r] = [m * k, n * k, m * n].map((size) => Float32Array.from({ length: size }, random));
  const half = plan.output === 'f16';
  const program = tensorCoreProgram({ transposeA, transposeB, residual, ...edgesOf(m, n, k, plan) }, plan);
  const { text, words } = emulate(program.wgsl(), residual ? 5 : 4);
  const module = device.createShaderModule({ code: text });
  const { messages } = await module.getCompilationInfo();
  const bad = messages.find(({ type }) => type === 'error');
  if (bad) return `line ${bad.lineNum}: ${bad.message}\n${text.split('\n')[bad.lineNum - 1]}`;
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const [tm, tn] = tileOf(plan);
  const groups = Math.ceil(m / tm) * Math.ceil(n / tn);
  const c = bufferOf(new Float32Array(m * n).fill(NaN));
  const buffers = [
    bufferOf(Uint16Array.from(a, bitsOf)),
    bufferOf(Uint16Array.from(b, bitsOf)),
    ...(residual ? [bufferOf(r)] : []),
    c,
  ];
  const uniform = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(uniform, 0, new Uint32Array([m, n, k, 0]));
  const memory = device.createBuffer({ size: groups * words * 4, usage: GPU });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [...buffers, uniform, memory].map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  );
  pass.dispatchWorkgroups(groups);
  pass.end();
  const target = device.createBuffer({ size: 4 * m * n, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  encoder.copyBufferToBuffer(c, 0, target, 0, 4 * m * n);
  device.queue.submit([encoder.finish()]);
  await target.mapAsync(GPUMapMode.READ);
  const out = half
    ? new Uint16Array(target.getMappedRange().slice())
    : new Float32Array(target.getMappedRange().slice());
  let [worst, where] = [0, ''];
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = residual ? r[i * n + j] : 0;
      for (let l = 0; l < k; l++) sum += a[transposeA ? l * m + i : i * k + l] * b[transposeB ? j * k + l : l * n + j];
      const bits = out[i * n + j];
      const value = half
        ? (bits >> 15 ? -1 : 1) *
          (((bits >> 10) & 31) === 0
            ? (bits & 1023) * 2 ** -24
            : (1 + (bits & 1023) / 1024) * 2 ** (((bits >> 10) & 31) - 15))
        : bits;
      const difference = half ? Math.abs(value - sum) / (Math.abs(sum) + 1e-3) / 1e3 : Math.abs(value - sum);
      if (!(difference <= worst)) [worst, where] = [difference, `${i},${j}: ${value} for ${sum}`];
    }
  [...buffers, uniform, memory, target].forEach((made) => made.destroy());
  return worst === 0 || (half && worst < 1e-6) ? 'right' : `WRONG by ${worst} at ${where}`;
}

const forward = { transposeA: false, transposeB: true, residual: false };
for (const { name, plan } of VARIANTS.filter(({ plan, name }) => plan !== null && only.test(name))) {
  if (threadsOf(plan) > maxComputeInvocationsPerWorkgroup) {
    console.log(name, 'too many threads');
    continue;
  }
  const whole = { m: 768, n: 256, k: 96 };
  await show(name, 'whole', plan, whole, forward);
  if (plan.direct || plan.output === 'f16') continue;
  await show(name, 'fragments', plan, { m: 208, n: 144, k: 88 }, forward);
  await show(name, 'elements', plan, { m: 203, n: 136, k: 40 }, forward);
  await show(
    name,
    'input gradient, residual',
    plan,
    { m: 208, n: 256, k: 80 },
    { transposeA: false, transposeB: false, residual: true },
  );
  await show(
    name,
    'weight gradient',
    plan,
    { m: 200, n: 136, k: 75 },
    { transposeA: true, transposeB: false, residual: true },
  );
}
process.exit(0);
