// The gradient of the neural memory, from the last chunk to the first (formulas and names in ops/neural-memory.ts), with the matrices that
// each starts with from neural-memory-states.ts.
// A workgroup a row and head, an invocation two tokens and four columns of a chunk. The gradients of M, S and A lie in one buffer, where
// they are read and changed in place; matrices are read from memory, in rows for products and in columns for transposed ones, rows of
// tokens are in workgroup memory: 5 C D floats. The factors' gradients go back through their recurrences, a token an invocation.
// Bytes: q, k, v, dO and two matrices a chunk in, dq, dk and dv out. FLOPs: 22 C D^2 + 12 C^2 D a chunk. Bound by the latency of the
// serial steps, so by batch x heads.
import * as tf from '#tfjs';
import { chunkFactors, factorMemory } from './neural-memory-factors.js';
import { neuralMemoryStates, type NeuralMemoryForm } from './neural-memory-states.js';
import type { NeuralMemoryKernelInputs } from './neural-memory.js';
import { deviceBackend, run, type Program } from './runner.js';
import {
  eachToken,
  eachVector,
  matrixBlock,
  outerProducts,
  pairBytes,
  pairGeometry,
  pairInvocation,
  pairTiles,
  pairTokens,
  rowsDot,
  timesMatrix,
  type PairForm,
} from './token-pairs.js';
import { bindings } from './vectors.js';

const [TILES, SQUARES, STORAGE_BUFFERS] = [5, 3, 12];
const VECTORS = 11;

/** Whether the kernels have this form, and the device what they need. */
export function hasNeuralMemoryGradient({ q }: NeuralMemoryKernelInputs, chunk: number): boolean {
  const [batch, heads, length, dim] = q.shape;
  const form: PairForm = { dim, chunk };
  const { slots, invocations } = pairGeometry(form);
  const { limits } = deviceBackend().device;
  const bytes = pairBytes(form, TILES, SQUARES) + 4 * (VECTORS * slots + 4);
  const matrices = 4 * batch * heads * (Math.ceil(length / chunk) + 2) * dim * dim;
  return (
    invocations <= 256 &&
    bytes <= limits.maxComputeWorkgroupStorageSize &&
    matrices <= limits.maxStorageBufferBindingSize &&
    STORAGE_BUFFERS <= limits.maxStorageBuffersPerShaderStage
  );
}

function programOf(form: NeuralMemoryForm): Program {
  const { dim, chunk, started } = form;
  const { fourths, slots, invocations } = pairGeometry(form);
  const size = dim * fourths;
  const row = (tile: string, t: string) => `${tile}[slot_${t} * ${fourths}u + c]`;
  return {
    key: `neural-memory-gradient/${dim}/${chunk}/${started ? 'started' : '-'}`,
    wgsl: () => `
${bindings(
  { q: 'vec4f', k: 'vec4f', v: 'vec4f', dO: 'vec4f', gates: 'f32', memories: 'vec4f', momenta: 'vec4f' },
  { dQ: 'vec4f', dK: 'vec4f', dV: 'vec4f', dGates: 'f32', dMatrices: 'vec4f' },
  'length: u32, place: u32, chunks: u32, matrices: u32, tokens: u32',
)}
${pairTiles(form, ['qTile', 'kTile', 'dOTile', 'errors', 'dErrors'])}
${factorMemory(slots)}
// q[t].k[j] and dO[t].E[j] for j <= t, else 0; then what (t, j) gives to the gradients of logKeep[t] and logMomentum[t].
var<workgroup> met: array<f32, ${slots * slots}>;
var<workgroup> answered: array<f32, ${slots * slots}>;
// The gradients of b, f, G[C] and n[C]; of the first two then what they give to those of logKeep and logMomentum.
var<workgroup> dOnMemory: array<f32, ${slots}>;
var<workgroup> dOnMomentum: array<f32, ${slots}>;
var<workgroup> dToMemory: array<f32, ${slots}>;
var<workgroup> dToMomentum: array<f32, ${slots}>;
${rowsDot(form, 'queryKey', 'qTile', 'kTile')}
${rowsDot(form, 'outputError', 'dOTile', 'errors')}
@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = workgroup.x;
  ${pairInvocation(form)}
  let memories0 = row * uniforms.matrices * ${size}u;
  let dMemory = row * ${3 * size}u;
  let dMomentum = dMemory + ${size}u;
  let dStart = dMomentum + ${size}u;
  for (var back = uniforms.chunks; back > 0u; back--) {
    let n = back - 1u;
    workgroupBarrier();
    ${pairTokens(form, ['q', 'k', 'v', 'dO'], ['q', 'k', 'dO'])}
    ${chunkFactors(slots, invocations)}
    workgroupBarrier();
    let memory = memories0 + n * ${size}u;
    let momentum = (row * uniforms.chunks + n) * ${size}u;
    let began = ${started ? `select(memory, memories0 + uniforms.chunks * ${size}u, n == 0u)` : 'memory'};

    // E, and its gradient: by the outputs, and by the matrices behind the chunk.
    ${eachToken((t) => `var error_${t} = -v_${t};\n    var known_${t} = vec4f();\n    var pushedBy_${t} = vec4f();`)}
    ${timesMatrix(form, 'memories', 'began', [['error', 'kTile']])}
    ${timesMatrix(form, 'dMatrices', 'dMemory', [['known', 'kTile']])}
    ${timesMatrix(form, 'dMatrices', 'dMomentum', [['pushedBy', 'kTile']])}
    ${eachToken((t) => `errors[own_${t}] = error_${t};`)}
    workgroupBarrier();
    for (var at = local; at < ${slots * slots}u; at += ${invocations}u) {
      met[at] = 0.0;
      answered[at] = 0.0;
      if (at % ${slots}u <= at / ${slots}u) {
        met[at] = queryKey(at);
        answered[at] = outputError(at);
      }
    }
    workgroupBarrier();
    ${eachToken((t) => `var dError_${t} = -toMemory[slot_${t}] * known_${t} - toMomentum[slot_${t}] * pushedBy_${t};`)}
    ${eachToken((t) => `var dQuery_${t} = vec4f();\n    var dKey_${t} = vec4f();`)}
    for (var s = 0u; s < ${slots}u; s++) {
      let at = s * ${fourths}u + fourth;
      ${eachToken(
        (t) => `{
        let here = slot_${t} * ${slots}u + s;
        let later = s * ${slots}u + slot_${t};
        dError_${t} -= weights[later] * met[later] * dOTile[at];
        dQuery_${t} -= weights[here] * answered[here] * kTile[at];
        dKey_${t} -= weights[later] * answered[later] * qTile[at];
      }`,
      )}
    }
    ${eachToken((t) => `dErrors[own_${t}] = dError_${t};`)}
    workgroupBarrier();

    // The products with the matrices' columns.
    ${eachToken((t) =>
      ['onMemory', 'onMomentum', 'toMemory', 'toMomentum'].map((name) => `var ${name}_${t} = vec4f();`).join('\n    '),
    )}
    for (var c = 0u; c < ${fourths}u; c++) {
      let at = 4u * fourth * ${fourths}u + c;
      let m = ${matrixBlock('memories', 'memory + at', fourths)};
      let s = ${matrixBlock('momenta', 'momentum + at', fourths)};
      let a = ${started ? matrixBlock('memories', 'began + at', fourths) : 'm'};
      let dM = ${matrixBlock('dMatrices', 'dMemory + at', fourths)};
      let dS = ${matrixBlock('dMatrices', 'dMomentum + at', fourths)};
      ${eachToken(
        (t) => `onMemory_${t} += ${row('dOTile', t)} * m;
      onMomentum_${t} += ${row('dOTile', t)} * s;
      dKey_${t} += ${row('dErrors', t)} * a;
      toMemory_${t} += ${row('errors', t)} * dM;
      toMomentum_${t} += ${row('errors', t)} * dS;`,
      )}
    }
    let reads = rowSums(local, vec4f(
      dot(onMemory_a, q_a), dot(onMemory_b, q_b), dot(onMomentum_a, q_a), dot(onMomentum_b, q_b),
    ));
    let writes = rowSums(local, vec4f(
      dot(toMemory_a, k_a), dot(toMemory_b, k_b), dot(toMomentum_a, k_a), dot(toMomentum_b, k_b),
    ));
    ${eachToken(
      (t) => `if (fourth == 0u) {
      dOnMemory[slot_${t}] = reads.${t === 'a' ? 'x' : 'y'};
      dOnMomentum[slot_${t}] = reads.${t === 'a' ? 'z' : 'w'};
      dToMemory[slot_${t}] = -writes.${t === 'a' ? 'x' : 'y'};
      dToMomentum[slot_${t}] = -writes.${t === 'a' ? 'z' : 'w'};
    }
    if (has_${t}) {
      dQ[at_${t}] = dQuery_${t} + onMemory[slot_${t}] * onMemory_${t} + onMomentum[slot_${t}] * onMomentum_${t};
      dK[at_${t}] = dKey_${t} - toMemory[slot_${t}] * toMemory_${t} - toMomentum[slot_${t}] * toMomentum_${t};
      dV[at_${t}] = -dError_${t};
    }`,
    )}

    // The matrices before the chunk; columns of those behind it are read above, and rows are written here.
    storageBarrier();
    var sums = vec4f();
    ${eachVector(
      form,
      dim,
      `let m = memories[memory + vector];
      let s0 = momenta[momentum + vector];
      let dM = dMatrices[dMemory + vector];
      let dS = dMatrices[dMomentum + vector];
      sums += vec4f(dot(m, dM), dot(s0, dM), dot(s0, dS), 0);
      var beforeM = onMemory[${chunk - 1}] * dM;
      var beforeS = onMomentum[${chunk - 1}] * dM + pushed * dS;
      var start = vec4f();
      if (back == uniforms.chunks) { start = dMatrices[dStart + vector]; }
      ${outerProducts(form, [
        ['beforeM', 'qTile', 'dOTile', 'onMemory[s]'],
        ['beforeS', 'qTile', 'dOTile', 'onMomentum[s]'],
        ['start', 'kTile', 'dErrors'],
      ])}
      ${started ? 'if (n == 0u) { dMatrices[dStart + vector] = start; } else { beforeM += start; }' : 'beforeM += start;'}
      dMatrices[dMemory + vector] = beforeM;
      dMatrices[dMomentum + vector] = beforeS;`,
    )}
    storageBarrier();
    sums = rowSums(local, sums);
    if (fourth == 0u) { parts[pair] = sums; }
    workgroupBarrier();
    ${throughFactors(form)}
  }
}`,
  };
}

/** From the gradients of the factors to those of the gates. */
function throughFactors({ dim, chunk }: NeuralMemoryForm): string {
  const { slots, invocations } = pairGeometry({ dim, chunk });
  const last = `t == ${chunk - 1}u`;
  return `
    for (var j = local; j <= ${chunk}u; j += ${invocations}u) {
      var toKeep = 0.0;
      if (j < ${chunk}u) {
        var toPush = dToMomentum[j];
        for (var next = ${chunk}u; next > j; next--) {
          let t = next - 1u;
          let at = t * ${slots}u + j;
          let onError = toKeep - met[at] * answered[at] + select(0.0, dToMemory[j], ${last});
          let step = toPush + select(0.0, onError, t < past);
          var before = 0.0; // G[t - 1, j]
          var reach = steps[j]; // n[t, j]
          if (t > j) { before = weights[at - ${slots}u]; }
          for (var u = j + 1u; u <= t; u++) { reach *= pushes[u]; }
          met[at] = onError * keeps[t] * before;
          answered[at] = select(0.0, step * reach, t > j);
          if (t == j && j >= begin && j < past) { dGates[2u * uniforms.tokens + base + j] = 2.0 * step; }
          toKeep = keeps[t] * onError;
          toPush = pushes[t] * step;
        }
      } else {
        var whole = vec4f();
        for (var p = 0u; p < ${slots / 2}u; p++) { whole += parts[p]; }
        toKeep = whole.x;
        var toCarry = whole.y;
        var toRest = whole.z;
        for (var next = ${chunk}u; next > 0u; next--) {
          let t = next - 1u;
          let kept = toKeep + dOnMemory[t];
          let carried = toCarry + dOnMomentum[t];
          let rest = toRest + select(0.0, carried, t >= begin && t < past);
          var before = 0.0; // f[t - 1]
          var reach = 1.0; // m[t]
          if (t > 0u) { before = onMomentum[t - 1u]; }
          for (var u = 0u; u <= t; u++) { reach *= pushes[u]; }
          dOnMemory[t] = kept * onMemory[t] + carried * keeps[t] * before;
          dOnMomentum[t] = rest * reach;
          toKeep = keeps[t] * kept;
          toCarry = keeps[t] * carried;
          toRest = pushes[t] * rest;
        }
      }
    }
    workgroupBarrier();
    for (var t = begin + local; t < past; t += ${invocations}u) {
      var toKeep = dOnMemory[t];
      var toPush = dOnMomentum[t];
      for (var j = 0u; j <= t; j++) {
        toKeep += met[t * ${slots}u + j];
        toPush += answered[t * ${slots}u + j];
      }
      dGates[base + t] = toKeep;
      dGates[uniforms.tokens + base + t] = toPush;
    }`;
}

/** Of o, M, S and, where the last token does not end a chunk, of the M that it began with. */
type OutputGradients = readonly [
  dO: tf.Tensor4D,
  dMemory: tf.Tensor4D,
  dMomentum: tf.Tensor4D,
  dStart: tf.Tensor4D | undefined,
];

/** Of every input, in its shape. */
export function neuralMemoryGradient(
  inputs: NeuralMemoryKernelInputs,
  [dO, dMemory, dMomentum, dStart]: OutputGradients,
  chunk: number,
  seen: number,
) {
  const { q, k, v, logKeep, logMomentum, stepSize, memory, momentum, chunkStart } = inputs;
  const [batch, heads, length, dim] = q.shape;
  const started = chunkStart !== undefined;
  const gates = tf.stack([logKeep, logMomentum, stepSize]);
  const start = { k, v, gates, memory, momentum, ...(started && { chunkStart }) };
  const { memories, momenta } = neuralMemoryStates(start, chunk, seen);
  const dMatrices = tf.concat([dMemory, dMomentum, dStart ?? tf.zerosLike(dMemory)], 2);
  const [dQ, dK, dV, dGates] = run({
    program: programOf({ dim, chunk, started }),
    inputs: [q, k, v, dO, gates, memories, momenta],
    outputs: [{ shape: q.shape }, { shape: q.shape }, { shape: q.shape }, { shape: gates.shape }],
    updates: [dMatrices],
    uniforms: [length, seen, momenta.shape[1]!, memories.shape[1]!, gates.size / 3],
    workgroups: [batch * heads],
  });
  const [dLogKeep, dLogMomentum, dStepSize] = tf.unstack(dGates) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  const [first, second, third] = tf.split(dMatrices, 3, 2) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  return {
    ...{ q: dQ as tf.Tensor4D, k: dK as tf.Tensor4D, v: dV as tf.Tensor4D },
    ...{ logKeep: dLogKeep, logMomentum: dLogMomentum, stepSize: dStepSize },
    ...{ memory: first, momentum: second, ...(started && { chunkStart: third }) },
  };
}

export function samples(): Program[] {
  return [
    programOf({ dim: 128, chunk: 16, started: false }),
    programOf({ dim: 64, chunk: 16, started: true }),
    programOf({ dim: 12, chunk: 5, started: true }),
  ];
}
