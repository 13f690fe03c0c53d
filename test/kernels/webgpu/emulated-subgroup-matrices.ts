// Runs a kernel with subgroup matrices where there are none: 32 invocations hold a matrix together, eight elements each, and
// exchange them to multiply. Memory holds what it would, halves too, and has the kernel's own barriers; sums are f32. For kernels
// that round by `pack2x16float` and load `Left`, `Right` and `Sum` by these names. On a device that is adverse the invocations run from
// the last (adverse-device.ts), which shows a barrier that is missing if it is not between two of one subgroup.
import * as tf from '#tfjs';
import { run } from '../../../src/kernels/webgpu/runner.js';

/** Two matrices a subgroup. */
const EXCHANGED = 512;

/** As `run`; what has no subgroup matrices runs as it is. */
export const runWithEmulatedMatrices: typeof run = (dispatch) => {
  if (!dispatch.program.wgsl().includes('subgroup_matrix')) return run(dispatch);
  const [x, y = 1, z = 1] = dispatch.workgroups;
  const wgsl = dispatch.program.wgsl();
  const invocations = Number(/@workgroup_size\((\d+)\)/.exec(wgsl)![1]);
  const exchange = tf.zeros([(x * y * z * invocations * EXCHANGED) / 32]);
  const program = { key: `emulated/${dispatch.program.key}`, wgsl: () => emulated(wgsl) };
  const outputs = run({ ...dispatch, program, updates: [exchange] });
  exchange.dispose();
  return outputs;
};

const MATRIX_ACCESS = /subgroupMatrix(Load|Store)<(?:(Left|Right|Sum), )?(row_major|col_major)>\(&(\w+), /g;
const ARRAY = /var<(?:workgroup|storage, \w+)> (\w+): array<(f32|vec4f|vec4u)/g;

function emulated(wgsl: string): string {
  const elements = new Map([...wgsl.matchAll(ARRAY)].map(([, name, element]) => [name!, element!]));
  const functions = new Map<string, string>();
  let uniform = 0;
  const text = wgsl
    .replace(/enable \w+;|diagnostic\(.*\);/g, '')
    .replace(/alias (\w+) = subgroup_matrix_\w+<\w+, 16, 16>;/g, 'alias $1 = Matrix;')
    .replace(/@binding\((\d+)\) var<uniform>/, (_, binding: string) => {
      uniform = Number(binding);
      return `@binding(${uniform + 1}) var<uniform>`;
    })
    .replace(MATRIX_ACCESS, (_, access: string, type: string | undefined, order: string, name: string) => {
      const held = type === 'Left' || type === 'Right' ? 'half' : 'float';
      const call = `${access.toLowerCase()}_${held}_${order}_${name}`;
      functions.set(call, accessOf(call, access === 'Load', held, order === 'row_major', name, elements.get(name)!));
      return `${call}(`;
    })
    .replace(/subgroupMatrixMultiplyAccumulate/g, 'multiplyMatrices')
    .replace(/subgroupMatrixScalarMultiply/g, 'scaleMatrix')
    .replace(/fn main\(([^{]*)\{/, (_, parameters: string) => {
      const named = (builtin: string) => new RegExp(`@builtin\\(${builtin}\\) (\\w+)`).exec(parameters)?.[1];
      const [me, group] = [named('local_invocation_index')!, named('workgroup_id')!];
      const given = named('num_workgroups');
      const groups = given ?? 'allGroups';
      return `fn main(${given === undefined ? '@builtin(num_workgroups) allGroups: vec3u, ' : ''}${parameters}{
  lane = ${me} % 32u;
  exchangeAt = (((${group}.z * ${groups}.y + ${group}.y) * ${groups}.x + ${group}.x) * workgroupSubgroups + ${me} / 32u) * ${EXCHANGED}u;`;
    });
  const invocations = Number(/@workgroup_size\((\d+)\)/.exec(wgsl)![1]);
  return /* wgsl */ `${text}
@group(0) @binding(${uniform}) var<storage, read_write> exchange: array<f32>;
const workgroupSubgroups = ${invocations / 32}u;
var<private> exchangeAt: u32;
var<private> lane: u32;
// Of the 16 x 16 elements, row by row, the eight from 8 lane on.
alias Matrix = array<f32, 8>;
${[...functions.values()].join('\n')}
fn multiplyMatrices(left: Matrix, right: Matrix, sum: Matrix) -> Matrix {
  var a = left;
  var b = right;
  var m = sum;
  storageBarrier();
  for (var i = 0u; i < 8; i++) {
    exchange[exchangeAt + lane * 8 + i] = a[i];
    exchange[exchangeAt + 256 + lane * 8 + i] = b[i];
  }
  storageBarrier();
  for (var k = 0u; k < 16; k++) {
    let factor = exchange[exchangeAt + lane / 2 * 16 + k];
    for (var i = 0u; i < 8; i++) { m[i] += factor * exchange[exchangeAt + 256 + k * 16 + lane % 2 * 8 + i]; }
  }
  return m;
}
fn scaleMatrix(matrix: Matrix, factor: f32) -> Matrix {
  var m = matrix;
  for (var i = 0u; i < 8; i++) { m[i] *= factor; }
  return m;
}
`;
}

function accessOf(
  call: string,
  loads: boolean,
  held: 'half' | 'float',
  byRows: boolean,
  name: string,
  element: string,
): string {
  const perElement = element === 'f32' ? 1 : held === 'half' ? 8 : 4;
  const place = byRows
    ? `${perElement}u * (at + lane / 2 * stride) + lane % 2 * 8 + i`
    : `${perElement}u * (at + (lane % 2 * 8 + i) * stride) + lane / 2`;
  const read = {
    f32: `${name}[e]`,
    vec4f: `${name}[e / 4][e % 4]`,
    vec4u:
      held === 'half' ? `unpack2x16float(${name}[e / 8][e / 2 % 4])[e % 2]` : `bitcast<f32>(${name}[e / 4][e % 4])`,
  }[element]!;
  const write = {
    f32: `${name}[e] = x;`,
    vec4f: `${name}[e / 4][e % 4] = x;`,
    vec4u: `${name}[e / 4][e % 4] = bitcast<u32>(x);`,
  }[element]!;
  return loads
    ? `fn ${call}(at: u32, stride: u32) -> Matrix {
  var m: Matrix;
  for (var i = 0u; i < 8; i++) { let e = ${place}; m[i] = ${read}; }
  return m;
}`
    : `fn ${call}(at: u32, matrix: Matrix, stride: u32) {
  var m = matrix;
  for (var i = 0u; i < 8; i++) { let e = ${place}; let x = m[i]; ${write} }
}`;
}
