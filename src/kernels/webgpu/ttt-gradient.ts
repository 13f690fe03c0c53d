// The gradient of TTT-Linear, from the last mini-batch to the first (formulas and names in ops/ttt-mini-batch.ts), with the model that
// each starts with from ttt-states.ts.
// A workgroup a row and head, an invocation two tokens and four columns of a mini-batch. The gradient of the model lies in its output,
// where it is read and changed in place, and the models are read from memory, in rows for products and in columns for transposed ones;
// rows of tokens are in workgroup memory: 5 K D floats. Where a mini-batch has no token its rate is 0, and so are its gradients.
// Bytes: q, k, v, dy and a matrix a mini-batch in, dq, dk and dv out. FLOPs: 16 K D^2 + 12 K^2 D a mini-batch. Bound by the latency of
// the serial steps, so by batch x heads.
import * as tf from '#tfjs';
import { run, type Program } from './runner.js';
import type { TttKernelInputs } from './ttt-mini-batch.js';
import { eachToken, eachVector, matrixBlock, outerProducts, pairGeometry, pairTiles, rowsDot } from './token-pairs.js';
import { timesModel, tttInvocation, tttKey, tttLossGradient, tttMoments, tttTokens, type TttForm } from './ttt-rows.js';
import { tttStates } from './ttt-states.js';
import { bindings } from './vectors.js';

function programOf(form: TttForm): Program {
  const { dim, chunk: miniBatch, pending } = form;
  const { fourths, slots, invocations } = pairGeometry(form);
  const size = (dim + 1) * fourths;
  const mean = (sums: string) => `${sums} * ${1 / dim}`;
  const waiting = `matrices + uniforms.miniBatches * ${size}u`;
  return {
    key: `ttt-gradient/${tttKey(form)}`,
    wgsl: () => `
${bindings(
  { q: 'vec4f', k: 'vec4f', v: 'vec4f', dY: 'vec4f', rates: 'f32', parameters: 'f32', states: 'vec4f' },
  { dQ: 'vec4f', dK: 'vec4f', dV: 'vec4f', dScalars: 'f32', dMemory: 'vec4f' },
  'length: u32, place: u32, miniBatches: u32, heads: u32, matrices: u32, tokens: u32',
)}
${pairTiles(form, ['qTile', 'kTile', 'learnt', 'answers', 'known'])}${tttMoments(form)}
// (q_i.k_s + 1) and X_i.G_s for s <= i, else 0.
var<workgroup> reach: array<f32, ${slots * slots}>;
var<workgroup> met: array<f32, ${slots * slots}>;
${rowsDot(form, 'queryKey', 'qTile', 'kTile')}
${rowsDot(form, 'answerLearnt', 'answers', 'learnt')}
@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  ${tttInvocation(form)}
  ${eachToken(
    (t) => `let scale_${t} = parameters[min(slot_${t}, ${miniBatch - 1}u)];
  var dScale_${t} = 0.0;`,
  )}
  // What the invocation knows of the gradients of the last scale and of the norm.
  var dLastScale = 0.0;
  var dNormWeight = vec4f();
  var dNormBias = vec4f();
  // The gradient of the model, and below it that of the sum that waits.
  let dModel = row * ${2 * size}u;
  let dWaiting = dModel + ${size}u;

  for (var back = uniforms.miniBatches; back > 0u; back--) {
    let n = back - 1u;
    let state = matrices + n * ${size}u;
    workgroupBarrier();
    ${tttTokens(form, ['q', 'k', 'v', 'dY'], ['q', 'k'])}
    // That of the sum of the G: of the model that it was taken from, or of what waits for the rest of the mini-batch.
    let whole = past == ${miniBatch}u;
    let dSum = select(dWaiting, dModel, whole);
    let factor = select(1.0, -lastScale, whole);

    // The products with the model, and E again.
    ${eachToken((t) => `var z_${t} = vec4f();\n    var answer_${t} = vec4f();`)}
    ${timesModel(form, 'states', 'state', [
      ['z', 'kTile'],
      ['answer', 'qTile'],
    ])}
    ${tttLossGradient(form)}
    ${eachToken((t) => `learnt[own_${t}] = rate_${t} * gradient_${t};`)}
    for (var at = local; at < ${slots * slots}u; at += ${invocations}u) {
      reach[at] = 0.0;
      if (at % ${slots}u <= at / ${slots}u) { reach[at] = 1.0 + queryKey(at); }
    }
    workgroupBarrier();

    // What the tokens read, and X, its gradient.
    for (var s = 0u; s < ${slots}u; s++) {
      ${eachToken((t) => `answer_${t} -= scale_${t} * reach[slot_${t} * ${slots}u + s] * learnt[s * ${fourths}u + fourth];`)}
    }
    ${
      pending
        ? `${eachToken((t) => `var waited_${t} = vec4f();`)}
    if (n == 0u) {
      ${timesModel(form, 'states', waiting, [['waited', 'qTile']])}
      ${eachToken((t) => `answer_${t} -= scale_${t} * waited_${t};`)}
    }`
        : ''
    }
    let outer = moments(local, answer_a, answer_b);
    ${eachToken(
      (t) => `let standard_${t} = (answer_${t} - outer.${t === 'a' ? 'x' : 'y'}) / outer.${t === 'a' ? 'z' : 'w'};
    let dStandard_${t} = dY_${t} * normWeight;
    dNormWeight += dY_${t} * standard_${t};
    dNormBias += dY_${t};`,
    )}
    let means = ${mean('rowSums(local, vec4f(total(dStandard_a), total(dStandard_b), dot(dStandard_a, standard_a), dot(dStandard_b, standard_b)))')};
    ${eachToken(
      (
        t,
      ) => `let x_${t} = (dStandard_${t} - means.${t === 'a' ? 'x' : 'y'} - standard_${t} * means.${t === 'a' ? 'z' : 'w'}) / outer.${t === 'a' ? 'z' : 'w'};
    answers[own_${t}] = x_${t};`,
    )}
    workgroupBarrier();
    for (var at = local; at < ${slots * slots}u; at += ${invocations}u) {
      met[at] = 0.0;
      if (at % ${slots}u <= at / ${slots}u) { met[at] = answerLearnt(at); }
    }
    ${
      pending
        ? `if (n == 0u) {
      let sums = rowSums(local, vec4f(dot(x_a, waited_a), dot(x_b, waited_b), 0, 0));
      dScale_a -= sums.x;
      dScale_b -= sums.y;
    }`
        : ''
    }
    workgroupBarrier();

    // The gradients of the G, by what later tokens read and by the sum.
    ${eachToken((t) => `var dLearnt_${t} = vec4f();`)}
    ${timesModel(form, 'dMemory', 'dSum', [['dLearnt', 'kTile']])}
    ${eachToken((t) => `if (whole) { dLastScale -= dot(dLearnt_${t}, rate_${t} * gradient_${t}); }\n    dLearnt_${t} *= factor;`)}
    ${eachToken((t) => `var dQuery_${t} = dY_${t};\n    var dKey_${t} = vec4f();`)}
    for (var s = 0u; s < ${slots}u; s++) {
      let scale = parameters[min(s, ${miniBatch - 1}u)];
      let at = s * ${fourths}u + fourth;
      ${eachToken(
        (t) => `{
        let here = slot_${t} * ${slots}u + s;
        let later = s * ${slots}u + slot_${t};
        dScale_${t} -= reach[here] * met[here];
        dQuery_${t} -= scale_${t} * met[here] * kTile[at];
        dLearnt_${t} -= scale * reach[later] * answers[at];
        dKey_${t} -= scale * met[later] * qTile[at];
      }`,
      )}
    }

    // Back through E to k W, and to the values.
    let dRate = rowSums(local, vec4f(dot(dLearnt_a, gradient_a), dot(dLearnt_b, gradient_b), 0, 0)).xy;
    ${eachToken((t) => `let dGradient_${t} = rate_${t} * dLearnt_${t} / deviation_${t};`)}
    let across = ${mean('rowSums(local, vec4f(total(dGradient_a), total(dGradient_b), dot(dGradient_a, normed_a), dot(dGradient_b, normed_b)))')};
    ${eachToken(
      (t) => `let across_${t} = across.${t === 'a' ? 'z' : 'w'};
    let dWeighted_${t} = dGradient_${t} - across.${t === 'a' ? 'x' : 'y'} - normed_${t} * across_${t};
    let dError_${t} = dWeighted_${t} * normWeight;
    let dNormed_${t} = dError_${t} * normWeight - along_${t} * dGradient_${t} - across_${t} * weighted_${t};
    dNormWeight += dWeighted_${t} * error_${t} + dError_${t} * normed_${t};
    dNormBias += dError_${t};
    dKey_${t} += dError_${t};`,
    )}
    let centre = ${mean('rowSums(local, vec4f(total(dNormed_a), total(dNormed_b), dot(dNormed_a, normed_a), dot(dNormed_b, normed_b)))')};
    ${eachToken(
      (t) =>
        `known[own_${t}] = (dNormed_${t} - centre.${t === 'a' ? 'x' : 'y'} - normed_${t} * (centre.${t === 'a' ? 'z' : 'w'} + rate_${t} * dRate.${t === 'a' ? 'x' : 'y'} * ${1 / dim})) / deviation_${t};`,
    )}
    workgroupBarrier();

    // The products with the models' columns.
    for (var c = 0u; c < ${fourths}u; c++) {
      let at = 4u * fourth * ${fourths}u + c;
      let model = ${matrixBlock('states', 'state + at', fourths)};
      let sum = ${matrixBlock('dMemory', 'dSum + at', fourths)};
      ${eachToken(
        (t) => `dQuery_${t} += answers[slot_${t} * ${fourths}u + c] * model;
      dKey_${t} += known[slot_${t} * ${fourths}u + c] * model + factor * (learnt[slot_${t} * ${fourths}u + c] * sum);`,
      )}
      ${
        pending
          ? `if (n == 0u) {
        let waits = ${matrixBlock('states', `${waiting} + at`, fourths)};
        ${eachToken((t) => `dQuery_${t} -= scale_${t} * (answers[slot_${t} * ${fourths}u + c] * waits);`)}
      }`
          : ''
      }
    }
    ${eachToken(
      (t) => `if (has_${t}) {
      dQ[at_${t}] = dQuery_${t};
      dK[at_${t}] = dKey_${t};
      dV[at_${t}] = -dError_${t};
      if (fourth == 0u) { dScalars[base + slot_${t}] = dRate.${t === 'a' ? 'x' : 'y'}; }
    }`,
    )}
    // Columns of the gradient of the model are read above, and its rows are written here.
    storageBarrier();
    ${eachVector(
      form,
      dim + 1,
      `var sum = vec4f();
      ${outerProducts(form, [
        ['sum', 'qTile', 'answers'],
        ['sum', 'kTile', 'known'],
      ])}
      let before = dMemory[dModel + vector];
      ${
        pending
          ? `if (n == 0u) {
        var waits = factor * dMemory[dSum + vector];
        ${outerProducts(form, [['waits', 'qTile', 'answers', `-parameters[min(s, ${miniBatch - 1}u)]`]])}
        if (whole) { dLastScale -= dot(before, states[${waiting} + vector]); }
        dMemory[dWaiting + vector] = waits;
      }`
          : ''
      }
      dMemory[dModel + vector] = before + sum;`,
    )}
    storageBarrier();
  }

  let ofRow = uniforms.tokens + row * ${miniBatch + 2 * dim}u;
  let scales = rowSums(local, vec4f(dLastScale, 0, 0, 0)).x;
  if (fourth == 0u) { reach[pair] = scales; }
  workgroupBarrier();
  if (fourth == 0u) {
    if (slot_b == ${miniBatch - 1}u) { for (var p = 0u; p < ${slots / 2}u; p++) { dScale_b += reach[p]; } }
    if (slot_a == ${miniBatch - 1}u) { for (var p = 0u; p < ${slots / 2}u; p++) { dScale_a += reach[p]; } }
    ${eachToken((t) => `if (slot_${t} < ${miniBatch}u) { dScalars[ofRow + slot_${t}] = dScale_${t}; }`)}
  }
  learnt[own_a] = dNormWeight;
  answers[own_a] = dNormBias;
  workgroupBarrier();
  if (pair == 0u) {
    for (var p = 1u; p < ${slots / 2}u; p++) {
      dNormWeight += learnt[2u * p * ${fourths}u + fourth];
      dNormBias += answers[2u * p * ${fourths}u + fourth];
    }
    for (var m = 0u; m < 4u; m++) {
      dScalars[ofRow + ${miniBatch}u + 4u * fourth + m] = dNormWeight[m];
      dScalars[ofRow + ${miniBatch + dim}u + 4u * fourth + m] = dNormBias[m];
    }
  }
}`,
  };
}

/** Of y, of the weights, and, where the last token does not end a mini-batch, of the pending sum. */
type OutputGradients = readonly [dY: tf.Tensor4D, dWeights: tf.Tensor4D, dPending: tf.Tensor4D | undefined];

/** Of every input, in its shape. */
export function tttGradient(
  inputs: TttKernelInputs,
  [dY, dWeights, dPending]: OutputGradients,
  place: number,
  epsilon: number,
) {
  const { q, k, v, rate, scale, normWeight, normBias, weights, pending } = inputs;
  const [batch, heads, length, dim] = q.shape;
  const miniBatch = scale.shape[0];
  const form: TttForm = { dim, chunk: miniBatch, epsilon, pending: pending !== undefined };
  const parameters = tf.concat([scale, tf.reshape(normWeight, [-1]), tf.reshape(normBias, [-1])]);
  const states = tttStates({ k, v, rate, parameters, weights, ...(pending && { pending }) }, form, place);
  const dMemory = tf.concat([dWeights, dPending ?? tf.zerosLike(dWeights)], 2);
  const tokens = batch * heads * length;
  const [dQ, dK, dV, dScalars] = run({
    program: programOf(form),
    inputs: [q, k, v, dY, rate, parameters, states],
    outputs: [
      { shape: q.shape },
      { shape: q.shape },
      { shape: q.shape },
      { shape: [tokens + batch * heads * (miniBatch + 2 * dim)] },
    ],
    updates: [dMemory],
    uniforms: [length, place, Math.ceil((place + length) / miniBatch), heads, states.shape[2]!, tokens],
    workgroups: [heads, batch],
  });
  const ofRows = tf.reshape<tf.Rank.R3>(tf.slice(dScalars, [tokens], [-1]), [batch, heads, miniBatch + 2 * dim]);
  const dNorm = tf.sum(ofRows, 0);
  const ofNorm = (start: number) => tf.reshape(tf.slice(dNorm, [0, start], [heads, dim]), normWeight.shape);
  const ofMemory = (start: number) => tf.slice(dMemory, [0, 0, start, 0], [-1, -1, dim + 1, -1]) as tf.Tensor4D;
  return {
    ...{ q: dQ as tf.Tensor4D, k: dK as tf.Tensor4D, v: dV as tf.Tensor4D },
    rate: tf.reshape(tf.slice(dScalars, [0], [tokens]), rate.shape),
    scale: tf.sum(tf.slice(dNorm, [0, 0], [heads, miniBatch]), 0) as tf.Tensor1D,
    normWeight: ofNorm(miniBatch),
    normBias: ofNorm(miniBatch + dim),
    weights: ofMemory(0),
    ...(pending && { pending: ofMemory(dim + 1) }),
  };
}

export function samples(): Program[] {
  const form = { dim: 64, chunk: 16, epsilon: 1e-6, pending: false };
  return [
    programOf(form),
    programOf({ ...form, pending: true }),
    programOf({ ...form, dim: 4, chunk: 5, pending: true }),
  ];
}
