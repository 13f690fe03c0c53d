// What the kernels of TTT-Linear's gradient share: the layer norm, the products with [W b], and the gradient of the inner loss,
//   E = (h - mean(h) - z mean(h z)) / deviation,  h = (z w + b - (v - k)) w,  z = LN(k W), with w and b of the layer norm.
import { deviceBackend } from './runner.js';
import {
  eachToken,
  pairBytes,
  pairGeometry,
  pairInvocation,
  pairTokens,
  timesMatrix,
  type PairForm,
} from './token-pairs.js';

/** What the texts depend on. */
export interface TttForm extends PairForm {
  readonly epsilon: number;
  /** A sum of an earlier part of the first mini-batch waits. */
  readonly pending: boolean;
}

export function tttKey({ dim, chunk, epsilon, pending }: TttForm): string {
  return `${dim}/${chunk}/${epsilon}/${pending ? 'pending' : '-'}`;
}

/** Of the gradient's kernel, which needs more than the states'. */
const [TILES, SQUARES, STORAGE_BUFFERS] = [5, 2, 12];

/** Whether the device has the workgroup memory and the buffers. */
export function hasTttGradient(dim: number, chunk: number): boolean {
  const { maxComputeWorkgroupStorageSize, maxStorageBuffersPerShaderStage } = deviceBackend().device.limits;
  return (
    pairBytes({ dim, chunk }, TILES, SQUARES) <= maxComputeWorkgroupStorageSize &&
    STORAGE_BUFFERS <= maxStorageBuffersPerShaderStage
  );
}

/** The means of two rows, and their deviations. */
export function tttMoments({ dim, epsilon }: TttForm): string {
  return `
fn moments(local: u32, a: vec4f, b: vec4f) -> vec4f {
  let means = rowSums(local, vec4f(total(a), total(b), 0, 0)).xy * ${1 / dim};
  let offA = a - means.x;
  let offB = b - means.y;
  let squares = rowSums(local, vec4f(dot(offA, offA), dot(offB, offB), 0, 0)).xy * ${1 / dim};
  return vec4f(means, sqrt(squares + ${epsilon}));
}
`;
}

/** What an invocation has of the layer norm, from \`parameters\`: K scales, then the weights and the biases of all heads. */
export function tttInvocation(form: TttForm): string {
  const { fourths } = pairGeometry(form);
  return `
  let head = workgroup.x;
  let row = workgroup.y * uniforms.heads + head;
  ${pairInvocation(form)}
  let normAt = ${form.chunk}u + head * ${form.dim}u + 4u * fourth;
  let biasAt = normAt + uniforms.heads * ${form.dim}u;
  let normWeight = vec4f(${[0, 1, 2, 3].map((i) => `parameters[normAt + ${i}u]`).join(', ')});
  let normBias = vec4f(${[0, 1, 2, 3].map((i) => `parameters[biasAt + ${i}u]`).join(', ')});
  let lastScale = parameters[${form.chunk - 1}u];
  let matrices = row * uniforms.matrices * ${(form.dim + 1) * fourths}u;`;
}

/** \`pairTokens\` and the tokens' rates. */
export function tttTokens(form: TttForm, vectors: readonly string[], tiles: readonly string[]): string {
  return `${pairTokens(form, vectors, tiles)}
    ${eachToken((t) => `var rate_${t} = 0.0;\n    if (has_${t}) { rate_${t} = rates[base + slot_${t}]; }`)}
    workgroupBarrier();`;
}

/** \`timesMatrix\` for rows with a one behind them. */
export function timesModel(form: TttForm, matrix: string, start: string, sums: readonly (readonly [string, string])[]) {
  const { fourths } = pairGeometry(form);
  return `${timesMatrix(form, matrix, start, sums)}
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
