// The neural memory of Titans (Behrouz et al. 2025, eq. 11-16) where the memory is one matrix M, which answers a query row q
// with q M. Its surprise at a token is the gradient of |k M - v|^2:
//   S[t] = eta[t] S[t-1] - theta[t] 2 k[t]^T (k[t] M' - v[t])
//   M[t] = (1 - alpha[t]) M[t-1] + S[t]
//   o[t] = q[t] M[t]
// M' is the memory at the start of the token's chunk (eq. 16); in chunks of one token it is M[t-1] (eq. 12).
//
// Within a chunk everything is linear in the memory, momentum and errors it starts with, so that a chunk is a few products:
//   E = K M' - V
//   o[t] = b[t] q[t] M[0] + f[t] q[t] S[0] - sum over j <= t of G[t,j] (q[t].k[j]) E[j]
//   M[C] = b[C] M[0] + f[C] S[0] - (diag(G[C]) K)^T E
//   S[C] = m[C] S[0] - (diag(n[C]) K)^T E
// with b[t] and m[t] the products of 1 - alpha and eta up to t, n[i,j] = 2 theta[j] m[i] / m[j],
// f[t] = sum over i <= t of b[t] / b[i] m[i] and G[t,j] = sum over j <= i <= t of b[t] / b[i] n[i,j].
// The ratios are exponentials of sums of logarithms that are never positive.
//
// The gradient goes through the chunks from the last to the first; dM, dS are those behind a chunk, on the right of what is before it:
//   dE[j] = -sum over t >= j of G[t,j] (q[t].k[j]) dO[t] - G[C,j] k[j] dM - n[C,j] k[j] dS;  dv = -dE
//   dq[t] = b[t] dO[t] M^T + f[t] dO[t] S^T - sum over j <= t of G[t,j] (dO[t].E[j]) k[j]
//   dk[j] = dE[j] M'^T - sum over t >= j of G[t,j] (dO[t].E[j]) q[t] - G[C,j] E[j] dM^T - n[C,j] E[j] dS^T
//   dM' = K^T dE;  dM = b[C] dM + sum of b[t] q[t]^T dO[t];  dS = f[C] dM + m[C] dS + sum of f[t] q[t]^T dO[t]
// and those of the gates go back through the recurrences of b, f, m, G and n in t.
import * as tf from '#tfjs';
import { hasNeuralMemoryGradient, neuralMemoryGradient } from '../kernels/webgpu/neural-memory-gradient.js';
import { hasNeuralMemoryKernel, neuralMemoryForward } from '../kernels/webgpu/neural-memory.js';
import { chunkDecays } from './chunk-decays.js';
import { neuralMemoryChunks, type Matrices, type StartMatrices } from './neural-memory-chunks.js';
import { defineOp, registerFusedKernel } from './op.js';
import { scope } from './scope.js';
import { split } from './split.js';

export interface NeuralMemoryInputs {
  /** [B, N, T, D] */
  readonly q: tf.Tensor4D;
  /** [B, N, T, D] */
  readonly k: tf.Tensor4D;
  /** [B, N, T, D] */
  readonly v: tf.Tensor4D;
  /** log(1 - alpha), [B, N, T]: what the memory keeps. */
  readonly logKeep: tf.Tensor3D;
  /** log(eta), [B, N, T]: what the momentum keeps. */
  readonly logMomentum: tf.Tensor3D;
  /** theta, [B, N, T]: the step along the gradient. */
  readonly stepSize: tf.Tensor3D;
  readonly state: NeuralMemoryState;
}

export interface NeuralMemoryState {
  /** M, [B, N, D, D] */
  readonly memory: tf.Tensor4D;
  /** S, [B, N, D, D] */
  readonly momentum: tf.Tensor4D;
  /** M' of the chunk under way, [B, N, D, D]; null between two chunks, where it is M. */
  readonly chunkStart: tf.Tensor4D | null;
}

export interface NeuralMemoryAttributes {
  /** Tokens in a chunk. */
  readonly chunk: number;
  /** Tokens of the chunk under way that the state has seen; 0 between two chunks. */
  readonly seen: number;
}

type Token = 'q' | 'k' | 'v' | 'logKeep' | 'logMomentum' | 'stepSize';

/** A run of chunks of one length, for all R = B N heads at once. */
interface Run {
  readonly count: number;
  readonly length: number;
  /** q, k, v [R, count * length, D]; the gates [R, count * length]. */
  readonly tokens: Readonly<Record<Token, tf.Tensor>>;
}

/** -> o [B, N, T, D] and the state after T tokens. Cost grows with T x (chunk + D). */
export function neuralMemory(
  { state, ...tokens }: NeuralMemoryInputs,
  attributes: NeuralMemoryAttributes,
): { o: tf.Tensor4D; state: NeuralMemoryState } {
  const inputs = { ...tokens, memory: state.memory, momentum: state.momentum };
  const started = state.chunkStart === null ? inputs : { ...inputs, chunkStart: state.chunkStart };
  const [o, memory, momentum, chunkStart] = neuralMemoryOp(started, attributes);
  return { o: o!, state: { memory: memory!, momentum: momentum!, chunkStart: chunkStart ?? null } };
}

type OpInputs = Omit<NeuralMemoryInputs, 'state'> &
  Pick<NeuralMemoryState, 'memory' | 'momentum'> & {
    /** Absent between two chunks. */
    readonly chunkStart?: tf.Tensor4D;
  };
/** o, M, S, and M' of the chunk under way where the last token does not end one. */
type OpOutputs = tf.Tensor4D[];

const neuralMemoryOp = defineOp<OpInputs, NeuralMemoryAttributes, OpOutputs>({
  name: 'NeuralMemory',
  reference: byRuns,
});

registerFusedKernel(neuralMemoryOp, 'webgpu', {
  takes: ({ q }, { chunk }) => hasNeuralMemoryKernel(q.shape[3], chunk),
  takesGradient: (inputs, { chunk }) => hasNeuralMemoryGradient(inputs, chunk),
  forward: (inputs, { chunk, seen }) => {
    const [o, memory, momentum, chunkStart] = neuralMemoryForward(inputs, chunk, seen);
    if ((seen + inputs.q.shape[2]) % chunk !== 0) return [o, memory, momentum, chunkStart];
    chunkStart.dispose();
    return [o, memory, momentum];
  },
  gradient: (inputs, { chunk, seen }, dOutputs) => {
    const [dO, dMemory, dMomentum, dStart] = dOutputs as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D | undefined,
    ];
    return scope(() => neuralMemoryGradient(inputs, [dO, dMemory, dMomentum, dStart], chunk, seen));
  },
});

function byRuns(inputs: OpInputs, { chunk, seen }: NeuralMemoryAttributes): OpOutputs {
  const [batch, heads, length] = inputs.q.shape;
  const byHead = (x: tf.Tensor) => tf.reshape<tf.Rank>(x, [batch * heads, ...x.shape.slice(2)]);
  const byRow = (x: tf.Tensor) => tf.reshape<tf.Rank>(x, [batch, heads, ...x.shape.slice(1)]) as tf.Tensor4D;

  let [memory, momentum] = [byHead(inputs.memory), byHead(inputs.momentum)];
  let chunkStart = inputs.chunkStart === undefined ? memory : byHead(inputs.chunkStart);
  const outputs: tf.Tensor[] = [];
  for (const run of cutIntoRuns(mapTokens(inputs, byHead), runsOf(length, chunk, seen))) {
    if (outputs.length > 0) chunkStart = memory;
    const form = run.count * run.length === 1 ? oneToken : chunks;
    const after = form(run, { memory, momentum, chunkStart });
    outputs.push(after.o);
    ({ memory, momentum } = after);
  }
  const o = outputs.length === 1 ? outputs[0]! : tf.concat(outputs, 1);
  const after = (seen + length) % chunk === 0 ? [o, memory, momentum] : [o, memory, momentum, chunkStart];
  return after.map(byRow);
}

/** The rest of the chunk under way, the whole chunks, and the start of another: those that there are. */
function runsOf(length: number, chunk: number, seen: number): Omit<Run, 'tokens'>[] {
  const rest = Math.min(length, seen === 0 ? 0 : chunk - seen);
  const whole = Math.floor((length - rest) / chunk);
  const runs = [
    { count: 1, length: rest },
    { count: whole, length: chunk },
    { count: 1, length: length - rest - whole * chunk },
  ];
  return runs.filter((run) => run.count * run.length > 0);
}

function cutIntoRuns(tokens: Run['tokens'], runs: readonly Omit<Run, 'tokens'>[]): Run[] {
  const sizes = runs.map(({ count, length }) => count * length);
  const parts = mapTokens(tokens, (x) => split(x, sizes, 1));
  return runs.map((run, i) => ({ ...run, tokens: mapTokens(parts, (part) => part[i]!) }));
}

/** Equations 11 to 15 as they stand. */
function oneToken({ tokens }: Run, { memory, momentum, chunkStart }: StartMatrices): Matrices & { o: tf.Tensor } {
  const { q, k, v, logKeep, logMomentum, stepSize } = mapTokens(tokens, (x) =>
    x.rank === 2 ? tf.expandDims(x, 2) : x,
  );
  const error = tf.sub(tf.matMul(k, chunkStart), v);
  const gradient = tf.matMul(k, tf.mul(error, tf.mul(stepSize, 2)), true);
  const nextMomentum = tf.sub(tf.mul(tf.exp(logMomentum), momentum), gradient);
  const nextMemory = tf.add(tf.mul(tf.exp(logKeep), memory), nextMomentum);
  return { o: tf.matMul(q, nextMemory), memory: nextMemory, momentum: nextMomentum };
}

/** The chunk form: what no state enters for all chunks at once, then chunk after chunk. */
function chunks({ count, length, tokens }: Run, start: StartMatrices): Matrices & { o: tf.Tensor } {
  const parts = scope(() => {
    const [heads, , dim] = tokens.q.shape as [number, number, number];
    const inChunks = (x: tf.Tensor, dim: number) => tf.reshape(x, [heads * count, length, dim]) as tf.Tensor3D;
    const [q, k, v] = [inChunks(tokens.q, dim), inChunks(tokens.k, dim), inChunks(tokens.v, dim)];
    const keep = chunkDecays(inChunks(tokens.logKeep, 1)); // b[t], b[t] / b[i]
    const push = chunkDecays(inChunks(tokens.logMomentum, 1)); // m[i], m[i] / m[j]

    const carried = tf.matMul(keep.within, push.fromStart); // f[t]
    const steps = tf.reshape(tf.mul(tokens.stepSize, 2), [heads * count, 1, length]);
    const toMomentum = tf.mul(push.within, steps); // n[i,j]
    const toMemory = tf.matMul(keep.within, toMomentum); // G[t,j]

    const byChunk = (x: tf.Tensor) => tf.reshape<tf.Rank>(x, [heads, count, ...x.shape.slice(1)]);
    const last = (x: tf.Tensor) => tf.slice(x, [0, length - 1, 0], [-1, 1, -1]);
    const weightedKeys = (weights: tf.Tensor) => tf.mul(k, tf.reshape(last(weights), [-1, length, 1]));
    return {
      k: byChunk(k),
      v: byChunk(v),
      qOnMemory: byChunk(tf.mul(q, keep.fromStart)),
      qOnMomentum: byChunk(tf.mul(q, carried)),
      weights: byChunk(tf.mul(toMemory, tf.matMul(q, k, false, true))),
      kToMemory: byChunk(weightedKeys(toMemory)),
      kToMomentum: byChunk(weightedKeys(toMomentum)),
      kept: byChunk(keep.whole),
      carried: byChunk(last(carried)),
      pushed: byChunk(push.whole),
    };
  });
  return neuralMemoryChunks({ ...parts, ...start });
}

function mapTokens<A, B>(tokens: Readonly<Record<Token, A>>, f: (x: A) => B): Record<Token, B> {
  const { q, k, v, logKeep, logMomentum, stepSize } = tokens;
  return { q: f(q), k: f(k), v: f(v), logKeep: f(logKeep), logMomentum: f(logMomentum), stepSize: f(stepSize) };
}
