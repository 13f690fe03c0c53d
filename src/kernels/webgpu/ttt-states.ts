// The models that TTT-Linear's mini-batches start with, for its gradient (the formulas are in ops/ttt-mini-batch.ts):
//   [W b] -= scale_K (sum over s of [k_s 1]^T rate_s E_s), and before the first the sum that waits.
// A workgroup a row and head goes from mini-batch to mini-batch, an invocation two tokens and four columns; a model is read back
// from where it was written. Bytes: k and v in, a matrix a mini-batch out. FLOPs: 4 K D^2 a mini-batch. Bound by the latency
// of the serial steps.
import type * as tf from '#tfjs';
import { run, type Program } from './runner.js';
import { eachToken, eachVector, outerProducts, pairGeometry, pairTiles } from './token-pairs.js';
import { timesModel, tttInvocation, tttKey, tttLossGradient, tttMoments, tttTokens, type TttForm } from './ttt-rows.js';
import { bindings } from './vectors.js';

function programOf(form: TttForm): Program {
  const { dim, pending } = form;
  const { fourths, invocations } = pairGeometry(form);
  const size = (dim + 1) * fourths;
  return {
    key: `ttt-states/${tttKey(form)}`,
    wgsl: () => `
${bindings(
  {
    ...{ k: 'vec4f', v: 'vec4f', rates: 'f32', parameters: 'f32', weights: 'vec4f' },
    ...(pending && { pending: 'vec4f' }),
  },
  { states: 'vec4f' },
  'length: u32, place: u32, miniBatches: u32, heads: u32, matrices: u32',
)}
${pairTiles(form, ['kTile', 'learnt'])}${tttMoments(form)}
@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  ${tttInvocation(form)}
  ${eachVector(
    form,
    dim + 1,
    `states[matrices + vector] = weights[row * ${size}u + vector];
      ${pending ? `states[matrices + uniforms.miniBatches * ${size}u + vector] = pending[row * ${size}u + vector];` : ''}`,
  )}
  storageBarrier();
  for (var n = 0u; n + 1u < uniforms.miniBatches; n++) {
    workgroupBarrier();
    ${tttTokens(form, ['k', 'v'], ['k'])}
    let state = matrices + n * ${size}u;
    ${eachToken((t) => `var z_${t} = vec4f();`)}
    ${timesModel(form, 'states', 'state', [['z', 'kTile']])}
    ${tttLossGradient(form)}
    ${eachToken((t) => `learnt[own_${t}] = rate_${t} * gradient_${t};`)}
    workgroupBarrier();
    ${eachVector(
      form,
      dim + 1,
      `var sum = vec4f();
      ${pending ? `if (n == 0u) { sum = states[matrices + uniforms.miniBatches * ${size}u + vector]; }` : ''}
      ${outerProducts(form, [['sum', 'kTile', 'learnt']])}
      states[state + ${size}u + vector] = states[state + vector] - lastScale * sum;`,
    )}
    storageBarrier();
  }
}`,
  };
}

export interface TttStatesInputs {
  /** [B, N, T, D] */
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** [B, N, T, 1] */
  readonly rate: tf.Tensor4D;
  /** K scales, then the layer norm's weights and its biases, N D each. */
  readonly parameters: tf.Tensor;
  /** [B, N, D + 1, D] */
  readonly weights: tf.Tensor4D;
  readonly pending?: tf.Tensor4D;
}

/** -> [B, N, mini-batches, D + 1, D], with the waiting sum behind the last, where there is one. */
export function tttStates({ k, v, rate, parameters, weights, pending }: TttStatesInputs, form: TttForm, place: number) {
  const [batch, heads, length, dim] = k.shape;
  const miniBatches = Math.ceil((place + length) / form.chunk);
  const matrices = miniBatches + (form.pending ? 1 : 0);
  const [states] = run({
    program: programOf(form),
    inputs: [k, v, rate, parameters, weights, ...(pending === undefined ? [] : [pending])],
    outputs: [{ shape: [batch, heads, matrices, dim + 1, dim] }],
    uniforms: [length, place, miniBatches, heads, matrices],
    workgroups: [heads, batch],
  });
  return states;
}

export function samples(): Program[] {
  const form = { dim: 64, chunk: 16, epsilon: 1e-6, pending: false };
  return [programOf(form), programOf({ ...form, dim: 4, chunk: 5, pending: true })];
}
