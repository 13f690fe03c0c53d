// The matrices M and S that the chunks of the neural memory start with, for its gradient (the formulas are in ops/neural-memory.ts).
// A workgroup a row and head goes from chunk to chunk, an invocation two tokens and four columns; a matrix is read back from where it was
// written. Bytes: k and v in, two matrices a chunk out. FLOPs: 6 C D^2 a chunk. Bound by the latency of the serial steps.
import type * as tf from '#tfjs';
import { chunkFactors, factorMemory } from './neural-memory-factors.js';
import { run, type Program } from './runner.js';
import {
  eachToken,
  eachVector,
  outerProducts,
  pairGeometry,
  pairInvocation,
  pairTiles,
  pairTokens,
  timesMatrix,
  type PairForm,
} from './token-pairs.js';
import { bindings } from './vectors.js';

export interface NeuralMemoryForm extends PairForm {
  /** Whether a chunk is under way: its start lies behind the memories of all chunks. */
  readonly started: boolean;
}

function programOf(form: NeuralMemoryForm): Program {
  const { dim, chunk, started } = form;
  const { fourths, slots, invocations } = pairGeometry(form);
  const size = dim * fourths;
  return {
    key: `neural-memory-states/${dim}/${chunk}/${started ? 'started' : '-'}`,
    wgsl: () => `
${bindings(
  {
    ...{ k: 'vec4f', v: 'vec4f', gates: 'f32', memory: 'vec4f', momentum: 'vec4f' },
    ...(started && { chunkStart: 'vec4f' }),
  },
  { memories: 'vec4f', momenta: 'vec4f' },
  'length: u32, place: u32, chunks: u32, matrices: u32, tokens: u32',
)}
${pairTiles(form, ['kTile', 'errors'])}
${factorMemory(slots)}
@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = workgroup.x;
  ${pairInvocation(form)}
  let memories0 = row * uniforms.matrices * ${size}u;
  let momenta0 = row * uniforms.chunks * ${size}u;
  ${eachVector(
    form,
    dim,
    `memories[memories0 + vector] = memory[row * ${size}u + vector];
      momenta[momenta0 + vector] = momentum[row * ${size}u + vector];
      ${started ? `memories[memories0 + uniforms.chunks * ${size}u + vector] = chunkStart[row * ${size}u + vector];` : ''}`,
  )}
  storageBarrier();
  for (var n = 0u; n + 1u < uniforms.chunks; n++) {
    workgroupBarrier();
    ${pairTokens(form, ['k', 'v'], ['k'])}
    ${chunkFactors(slots, invocations)}
    workgroupBarrier();
    let before = memories0 + n * ${size}u;
    let began = ${started ? `select(before, memories0 + uniforms.chunks * ${size}u, n == 0u)` : 'before'};
    ${eachToken((t) => `var error_${t} = -v_${t};`)}
    ${timesMatrix(form, 'memories', 'began', [['error', 'kTile']])}
    ${eachToken((t) => `errors[own_${t}] = error_${t};`)}
    workgroupBarrier();
    ${eachVector(
      form,
      dim,
      `let pushes = momenta[momenta0 + n * ${size}u + vector];
      var nextMemory = onMemory[${chunk - 1}] * memories[before + vector] + onMomentum[${chunk - 1}] * pushes;
      var nextMomentum = pushed * pushes;
      ${outerProducts(form, [
        ['nextMemory', 'kTile', 'errors', '-toMemory[s]'],
        ['nextMomentum', 'kTile', 'errors', '-toMomentum[s]'],
      ])}
      memories[before + ${size}u + vector] = nextMemory;
      momenta[momenta0 + (n + 1u) * ${size}u + vector] = nextMomentum;`,
    )}
    storageBarrier();
  }
}`,
  };
}

export interface NeuralMemoryStatesInputs {
  /** [B, N, T, D] */
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** log(1 - alpha), log(eta) and theta, [3, B, N, T]. */
  readonly gates: tf.Tensor;
  /** [B, N, D, D] */
  readonly memory: tf.Tensor4D;
  readonly momentum: tf.Tensor4D;
  readonly chunkStart?: tf.Tensor4D;
}

/** -> memories and momenta, [B N, chunks, D, D]; the start of a chunk under way lies behind the memories. */
export function neuralMemoryStates(inputs: NeuralMemoryStatesInputs, chunk: number, seen: number) {
  const { k, v, gates, memory, momentum, chunkStart } = inputs;
  const [batch, heads, length, dim] = k.shape;
  const [rows, chunks] = [batch * heads, Math.ceil((seen + length) / chunk)];
  const started = chunkStart !== undefined;
  const matrices = chunks + (started ? 1 : 0);
  const [memories, momenta] = run({
    program: programOf({ dim, chunk, started }),
    inputs: [k, v, gates, memory, momentum, ...(started ? [chunkStart] : [])],
    outputs: [{ shape: [rows, matrices, dim, dim] }, { shape: [rows, chunks, dim, dim] }],
    uniforms: [length, seen, chunks, matrices, rows * length],
    workgroups: [rows],
  });
  return { memories, momenta };
}

export function samples(): Program[] {
  return [programOf({ dim: 128, chunk: 16, started: false }), programOf({ dim: 12, chunk: 5, started: true })];
}
