// What the kernels of TTT-Linear's gradient share: a mini-batch of K tokens in pairs, an invocation a pair and four columns of
// their rows, and for these the gradient of the inner loss,
//   E = (h - mean(h) - z mean(h z)) / deviation,  h = (z w + b - (v - k)) w,  z = LN(k W), with w and b of the layer norm.
import { deviceBackend } from './runner.js';

/** What the texts depend on. */
export interface TttForm {
  readonly dim: number;
  readonly miniBatch: number;
  readonly epsilon: number;
  /** A sum of an earlier part of the first mini-batch waits. */
  readonly pending: boolean;
}

export function tttKey({ dim, miniBatch, epsilon, pending }: TttForm): string {
  return `${dim}/${miniBatch}/${epsilon}/${pending ? 'pending' : '-'}`;
}

/** Vectors in a row, places for tokens (an even number), and a workgroup's invocations. */
export function tttGeometry({ dim, miniBatch }: Pick<TttForm, 'dim' | 'miniBatch'>) {
  const fourths = dim / 4;
  const slots = 2 * Math.ceil(miniBatch / 2);
  return { fourths, slots, invocations: (slots / 2) * fourths };
}

/** Of the gradient's kernel, which needs more than the states'. */
const STORAGE_BUFFERS = 12;

/** Whether the device has the workgroup memory and the buffers. */
export function hasTttGradient(dim: number, miniBatch: number): boolean {
  const { fourths, slots, invocations } = tttGeometry({ dim, miniBatch });
  const { maxComputeWorkgroupStorageSize, maxStorageBuffersPerShaderStage } = deviceBackend().device.limits;
  const bytes = 16 * (5 * slots * fourths + invocations) + 4 * 2 * slots * slots;
  return bytes <= maxComputeWorkgroupStorageSize && STORAGE_BUFFERS <= maxStorageBuffersPerShaderStage;
}

/** a and b, the two tokens of a pair. */
export const eachToken = (text: (t: 'a' | 'b') => string) => `${text('a')}\n${text('b')}`;

/** Tiles [K, D] by these names. */
export function tttTiles(form: TttForm, names: readonly string[]): string {
  const { fourths, slots, invocations } = tttGeometry(form);
  return `
${names.map((name) => `var<workgroup> ${name}: array<vec4f, ${slots * fourths}>;`).join('\n')}
var<workgroup> parts: array<vec4f, ${invocations}>;

fn total(x: vec4f) -> f32 { return (x.x + x.y) + (x.z + x.w); }

/** Summed over the rows of a pair. */
fn rowSums(local: u32, value: vec4f) -> vec4f {
  parts[local] = value;
  workgroupBarrier();
  let start = local - local % ${fourths}u;
  var sum = vec4f();
  for (var i = 0u; i < ${fourths}u; i++) { sum += parts[start + i]; }
  workgroupBarrier();
  return sum;
}

/** The means of two rows, and their deviations. */
fn moments(local: u32, a: vec4f, b: vec4f) -> vec4f {
  let means = rowSums(local, vec4f(total(a), total(b), 0, 0)).xy * ${1 / form.dim};
  let offA = a - means.x;
  let offB = b - means.y;
  let squares = rowSums(local, vec4f(dot(offA, offA), dot(offB, offB), 0, 0)).xy * ${1 / form.dim};
  return vec4f(means, sqrt(squares + ${form.epsilon}));
}
`;
}

/** What an invocation has of the layer norm, from \`parameters\`: K scales, then the weights and the biases of all heads. */
export function tttInvocation(form: TttForm): string {
  const { fourths } = tttGeometry(form);
  return `
  let head = workgroup.x;
  let row = workgroup.y * uniforms.heads + head;
  let pair = local / ${fourths}u;
  let fourth = local % ${fourths}u;
  let normAt = ${form.miniBatch}u + head * ${form.dim}u + 4u * fourth;
  let biasAt = normAt + uniforms.heads * ${form.dim}u;
  let normWeight = vec4f(${[0, 1, 2, 3].map((i) => `parameters[normAt + ${i}u]`).join(', ')});
  let normBias = vec4f(${[0, 1, 2, 3].map((i) => `parameters[biasAt + ${i}u]`).join(', ')});
  let lastScale = parameters[${form.miniBatch - 1}u];
  let matrices = row * uniforms.matrices * ${(form.dim + 1) * fourths}u;
  ${eachToken((t) => `let slot_${t} = 2u * pair + ${t === 'a' ? 0 : 1}u;\n  let own_${t} = slot_${t} * ${fourths}u + fourth;`)}`;
}

/** The mini-batch n: its tokens, and each invocation's of them, zeros where there are none. */
export function tttTokens(form: TttForm, vectors: readonly string[], tiles: readonly string[]): string {
  const { fourths } = tttGeometry(form);
  return `
    // The slot of the mini-batch's first token, and the one behind its last.
    let begin = select(0u, uniforms.place, n == 0u);
    let past = min(${form.miniBatch}u, uniforms.place + uniforms.length - n * ${form.miniBatch}u);
    // Where the token of slot 0 is, or would be; the sums with a slot that has a token are not negative.
    let base = row * uniforms.length + n * ${form.miniBatch}u - uniforms.place;
    ${eachToken(
      (t) => `
    let has_${t} = slot_${t} >= begin && slot_${t} < past;
    let at_${t} = (base + slot_${t}) * ${fourths}u + fourth;
    ${vectors.map((name) => `var ${name}_${t} = vec4f();`).join(' ')}
    var rate_${t} = 0.0;
    if (has_${t}) {
      ${vectors.map((name) => `${name}_${t} = ${name}[at_${t}];`).join(' ')}
      rate_${t} = rates[base + slot_${t}];
    }
    ${tiles.map((name) => `${name}Tile[own_${t}] = ${name}_${t};`).join(' ')}`,
    )}
    workgroupBarrier();`;
}

/** sums += rows of tiles times a matrix, its last row for the one behind each row: \`[sum, tile]\` by pairs. */
export function timesMatrix(
  form: TttForm,
  matrix: string,
  start: string,
  sums: readonly (readonly [string, string])[],
) {
  const { fourths } = tttGeometry(form);
  return `
    for (var c = 0u; c < ${fourths}u; c++) {
      let at = ${start} + 4u * c * ${fourths}u + fourth;
      let block = mat4x4f(${[0, 1, 2, 3].map((m) => `${matrix}[at + ${m * fourths}u]`).join(', ')});
      ${sums.map(([sum, tile]) => eachToken((t) => `${sum}_${t} += block * ${tile}[slot_${t} * ${fourths}u + c];`)).join('\n')}
    }
    {
      let one = ${matrix}[${start} + ${form.dim * fourths}u + fourth];
      ${sums.map(([sum]) => eachToken((t) => `${sum}_${t} += one;`)).join('\n')}
    }`;
}

/** From z_a and z_b, k W: E, and what its gradient is made of. */
export function tttLossGradient({ dim }: TttForm): string {
  return `
    let inner = moments(local, z_a, z_b);
    ${eachToken(
      (t) => `let deviation_${t} = inner.${t === 'a' ? 'z' : 'w'};
    let normed_${t} = (z_${t} - inner.${t === 'a' ? 'x' : 'y'}) / deviation_${t};
    let error_${t} = normed_${t} * normWeight + normBias - (v_${t} - k_${t});
    let weighted_${t} = error_${t} * normWeight;`,
    )}
    let along = rowSums(local, vec4f(
      total(weighted_a), total(weighted_b), dot(weighted_a, normed_a), dot(weighted_b, normed_b),
    )) * ${1 / dim};
    ${eachToken(
      (t) => `let along_${t} = along.${t === 'a' ? 'z' : 'w'};
    let gradient_${t} = (weighted_${t} - along.${t === 'a' ? 'x' : 'y'} - normed_${t} * along_${t}) / deviation_${t};`,
    )}`;
}

/** Each vector of a matrix that the invocation has: its statement, with its row i and place in the matrix. */
export function eachVector(form: TttForm, statement: string): string {
  const { fourths, slots } = tttGeometry(form);
  return `for (var i = pair; i <= ${form.dim}u; i += ${slots / 2}u) {
      let vector = i * ${fourths}u + fourth;
      ${statement}
    }`;
}

/** Adds what each token gives to a matrix's row i: its element of `rows`, 1 for the last row, times its row of `columns`. */
export function outerProducts(
  form: TttForm,
  sums: readonly (readonly [sum: string, rows: string, columns: string, factor?: string])[],
): string {
  const { fourths, slots } = tttGeometry(form);
  return `for (var s = 0u; s < ${slots}u; s++) {
        let at = s * ${fourths}u + min(i / 4u, ${fourths - 1}u);
        ${sums
          .map(
            ([sum, rows, columns, factor]) =>
              `${sum} += ${factor === undefined ? '' : `${factor} * `}select(1.0, ${rows}[at][i % 4u], i < ${form.dim}u) * ${columns}[s * ${fourths}u + fourth];`,
          )
          .join('\n')}
      }`;
}
