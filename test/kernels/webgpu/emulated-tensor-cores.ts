// Runs a tensor-core kernel where there are no tensor cores, in f32 and slowly: 32 invocations hold a matrix together, eight elements
// each, and exchange them to multiply. Workgroup memory becomes a storage buffer, since emulated tiles are larger than a
// software adapter's. What this shows is that the kernel's indices and masks are right; the rounding of f16 it does not show, nor a
// barrier that is missing.
import * as tf from '#tfjs';
import { run } from '../../../src/kernels/webgpu/runner.js';

const WORKGROUP_ARRAY = /var<workgroup> (\w+): array<(f16|f32|vec4u), (\d+)>;/g;
/** Words for an element: a vector of four words holds eight f16. It may hold four f32 instead, the first of which count. */
const HELD: Record<string, number> = { f16: 1, f32: 1, vec4u: 8 };
/** Two matrices for each of up to eight subgroups. */
const EXCHANGED = 8 * 512;

/** As `run`, for a program with subgroup matrices. */
export const runEmulated: typeof run = (dispatch) => {
  const [x, y = 1, z = 1] = dispatch.workgroups;
  const wgsl = dispatch.program.wgsl();
  const { end } = workgroupArrays(wgsl);
  const memory = tf.zeros([x * y * z * (end + EXCHANGED)]);
  const program = { key: `emulated/${dispatch.program.key}`, wgsl: () => emulate(wgsl) };
  const outputs = run({ ...dispatch, program, updates: [memory] });
  memory.dispose();
  return outputs;
};

/** Where the arrays of a workgroup begin in its part of the memory, and where they end. */
function workgroupArrays(wgsl: string) {
  const places = new Map<string, { at: number; held: number }>();
  let end = 0;
  for (const [, name, element, count] of wgsl.matchAll(WORKGROUP_ARRAY)) {
    const held = HELD[element!]!;
    places.set(name!, { at: end, held });
    end += held * Number(count);
  }
  return { places, end };
}

function emulate(wgsl: string): string {
  const { places, end } = workgroupArrays(wgsl);
  let uniform = 0;
  let text = wgsl
    .replace(/enable (f16|chromium_\w+);|diagnostic\(.*\);/g, '')
    .replace(/@binding\((\d+)\) var<uniform>/, (_, binding: string) => {
      uniform = Number(binding);
      return `@binding(${uniform + 1}) var<uniform>`;
    })
    .replace(WORKGROUP_ARRAY, '')
    .replace(
      /subgroupMatrixLoad<subgroup_matrix_\w+<\w+, 16, 16>, (\w+)>\(&(\w+), /g,
      (_, order: string, name: string) => `load_${order}(at_${name}, ${places.get(name)!.held}, `,
    )
    .replace(
      /(\w+)\[at\] = vec4u\(.*;/g,
      'for (var i = 0u; i < 4; i++) { $1[8 * at + i] = x[i]; $1[8 * at + 4 + i] = y[i]; }',
    )
    .replace(
      /(\w+)\[at\] = halves;/g,
      'for (var i = 0u; i < 4; i++) { let two = unpack2x16float(halves[i]); $1[8 * at + 2 * i] = two.x; $1[8 * at + 2 * i + 1] = two.y; }',
    )
    .replace(/return .*bitcast<vec4(?:f|<f16>)>\(.*?(\w+)\[at \+ i.*;/g, (_, name: string) => {
      const four = [0, 1, 2, 3].map((j) => `${name}[8 * at + 4 * i + ${j}]`);
      return `return vec4f(${four.join(', ')});`;
    })
    .replace(/(\w+)\[at \+ i\] = bitcast.*;/g, 'for (var j = 0u; j < 4; j++) { $1[8 * at + 4 * i + j] *= x; }')
    .replace(
      /subgroupMatrixStore<row_major>\(&(\w+), /g,
      (_, name: string) => `store(at_${name}, ${places.get(name)!.held}, `,
    )
    .replace(/subgroupMatrixMultiplyAccumulate/g, 'multiply')
    .replace(/subgroup_matrix_\w+<\w+, 16, 16>/g, 'Matrix')
    .replace(/\bf16\b/g, 'f32')
    .replace(/workgroupBarrier\(\)/g, 'storageBarrier()');
  for (const [name, { at }] of places)
    text = text
      .replace(new RegExp(`\\b${name}\\[`, 'g'), `memory[at_${name} + `)
      .replace(new RegExp(`\\bat_${name}\\b`, 'g'), `memoryAt + ${at}`);
  if (!text.includes('num_workgroups'))
    text = text.replace('fn main(', 'fn main(@builtin(num_workgroups) groups: vec3u, ');
  text = text.replace(
    /(fn main\([^{]*\{)/,
    `$1
  memoryAt = ((group.z * groups.y + group.y) * groups.x + group.x) * ${end + EXCHANGED};
  lane = me % 32;
  exchangeAt = memoryAt + ${end} + me / 32 * 512;`,
  );
  return /* wgsl */ `${text}
@group(0) @binding(${uniform}) var<storage, read_write> memory: array<f32>;
var<private> memoryAt: u32;
var<private> exchangeAt: u32;
var<private> lane: u32;
// Of the 16 x 16 elements, row by row, the eight from 8 lane on.
alias Matrix = array<f32, 8>;

fn load_row_major(base: u32, held: u32, at: u32, stride: u32) -> Matrix {
  var m: Matrix;
  for (var i = 0u; i < 8; i++) { m[i] = memory[base + held * (at + lane / 2 * stride) + lane % 2 * 8 + i]; }
  return m;
}
fn load_col_major(base: u32, held: u32, at: u32, stride: u32) -> Matrix {
  var m: Matrix;
  for (var i = 0u; i < 8; i++) { m[i] = memory[base + held * (at + (lane % 2 * 8 + i) * stride) + lane / 2]; }
  return m;
}
fn store(base: u32, held: u32, at: u32, matrix: Matrix, stride: u32) {
  var m = matrix;
  for (var i = 0u; i < 8; i++) { memory[base + held * (at + lane / 2 * stride) + lane % 2 * 8 + i] = m[i]; }
}
fn multiply(left: Matrix, right: Matrix, sum: Matrix) -> Matrix {
  var a = left;
  var b = right;
  var m = sum;
  for (var i = 0u; i < 8; i++) {
    memory[exchangeAt + lane * 8 + i] = a[i];
    memory[exchangeAt + 256 + lane * 8 + i] = b[i];
  }
  storageBarrier();
  for (var k = 0u; k < 16; k++) {
    let factor = memory[exchangeAt + lane / 2 * 16 + k];
    for (var i = 0u; i < 8; i++) { m[i] += factor * memory[exchangeAt + 256 + k * 16 + lane % 2 * 8 + i]; }
  }
  storageBarrier();
  return m;
}
`;
}
