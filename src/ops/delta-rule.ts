// The delta rule (Schlag et al. 2021), with a decay where the model has one (Gated DeltaNet, Yang et al. 2024): a memory S
// [Dk, Dv] whose value under the key k is corrected towards v at the rate beta,
//   S~ = exp(g[t]) S[t-1];  u[t] = beta[t] (v[t] - S~^T k[t]);  S[t] = S~ + k[t] u[t]^T;  o[t] = Dk^-1/2 S[t]^T q[t].
// In chunks, the corrections of a chunk solve a triangular system (WY form, Yang et al. 2024, "Parallelizing Linear
// Transformers with the Delta Rule"): with G the sum of g from the chunk's start and D[i, j] = exp(G[i] - G[j]),
//   T = (I + L)^-1, L[i, j] = beta[i] (k[i].k[j]) D[i, j] for j < i;  W = T (beta exp(G) K);  U = T (beta V)
//   U' = U - W S;  O = exp(G) Q S + tril(Q K^T D) U';  S' = exp(G[C]) S + (exp(G[C] - G) K)^T U'.
// The gradient goes through the chunks from the last to the first, with P = Dk^-1/2 dO, A = Q K^T D and dS' that of S':
//   dU' = A^T P + (exp(G[C] - G) K) dS';  dS = exp(G[C]) dS' + (exp(G) Q)^T P - W^T dU';  R = (I + L)^-T dU'.
// A token reads the memory twice: by q, which gives P, and by k before it is corrected, which gives -beta R. So the gradients are
// those of linear attention with the values U' and both reads; with E what R reads of the keys, D' strictly below its diagonal,
//   dQ = Dk^-1/2 (exp(G) dO S^T + (dO U'^T D) K);  E = exp(G) R S^T + (R U'^T D') K;  dV = beta R;  dbeta = R.V - K.E
//   dK = exp(G[C] - G) U' dS'^T + (P U'^T D)^T Q - (beta R U'^T D')^T K - beta E
// and, as exp(G[i] - G[j]) scales what token i reads of what token j wrote, dG = Q.dQ - K.dK - 2 beta K.E (. is token by token), and S.dS at the
// end; dg is the sum of dG from its token on.
import * as tf from '#tfjs';
import { deltaRuleForward, deltaRuleGradient } from '../kernels/webgpu/delta-rule.js';
import { chunkDecays } from './chunk-decays.js';
import { chunksOf, inChunks, joinChunks, type LinearAttentionOutputs } from './chunks.js';
import { defineOp, registerFusedKernel } from './op.js';
import { perHead } from './per-head.js';
import { scope } from './scope.js';
import { unstack } from './split.js';
import { lowerTriangle } from './triangles.js';
import { unitLowerInverse } from './unit-lower-inverse.js';

export interface DeltaRuleInputs {
  /** [B, N, T, Dk] */
  readonly q: tf.Tensor4D;
  /** [B, N, T, Dk], of length 1 at most, or the memory may grow without bound. */
  readonly k: tf.Tensor4D;
  /** [B, Nv, T, Dv]; N divides Nv, and Nv / N consecutive value heads share a query and key head. */
  readonly v: tf.Tensor4D;
  /** beta, [B, Nv, T].. */
  readonly rate: tf.Tensor3D;
  /** g, the logarithm of the decay, at most 0, [B, Nv, T]; null for none. */
  readonly logDecay: tf.Tensor3D | null;
  /** S before the first token, [B, Nv, Dk, Dv]; null for zeros. */
  readonly state: tf.Tensor4D | null;
}

/** Tokens in a chunk, at most. */
export const CHUNK = 64;

/** The parallel form, any T. Cost and memory grow with T; for the gradient of a fused kernel only the inputs are kept. */
export function deltaRule({ logDecay, state, ...inputs }: DeltaRuleInputs): LinearAttentionOutputs {
  const [batch, heads, , valueDim] = inputs.v.shape;
  const start = state ?? tf.fill<tf.Rank.R4>([batch, heads, inputs.q.shape[3], valueDim], 0);
  const [o, last] = deltaRuleOp(logDecay === null ? { ...inputs, start } : { ...inputs, start, logDecay }, null);
  return { o, state: last };
}

type ChunkwiseInputs = Omit<DeltaRuleInputs, 'state' | 'logDecay'> & {
  /** S before the first token. */
  readonly start: tf.Tensor4D;
  /** Absent where nothing decays. */
  readonly logDecay?: tf.Tensor3D;
};

/** -> o [B, Nv, T, Dv] and S after the last token. */
function chunkwise(inputs: ChunkwiseInputs): [o: tf.Tensor4D, state: tf.Tensor4D] {
  const [batch, heads, length, valueDim] = inputs.v.shape;
  const keyDim = inputs.q.shape[3];
  const chunks = chunksOf(length, CHUNK);
  return scope(() => {
    // Padding leaves the memory as it is: a rate of 0 corrects nothing, and g = 0 does not decay.
    const parts = scope(() => {
      const decay = inputs.logDecay === undefined ? null : chunkDecays(inChunks(inputs.logDecay, chunks));
      const within = decay?.within ?? lowerTriangle(chunks.size);
      const rate = inChunks(inputs.rate, chunks);
      const q = tf.mul(inChunks(perHead(inputs.q, heads), chunks), keyDim ** -0.5) as tf.Tensor3D;
      const k = inChunks(perHead(inputs.k, heads), chunks);
      const ratedKeys = tf.mul(k, rate) as tf.Tensor3D;
      const inverse = unitLowerInverse({ lower: tf.mul(tf.matMul(ratedKeys, k, false, true), within) }, null);
      return {
        w: tf.matMul(inverse, times(ratedKeys, decay?.fromStart)) as tf.Tensor3D,
        u: tf.matMul(inverse, tf.mul(inChunks(inputs.v, chunks), rate)) as tf.Tensor3D,
        weights: tf.mul(tf.matMul(q, k, false, true), within) as tf.Tensor3D,
        queries: times(q, decay?.fromStart),
        keys: times(k, decay?.toEnd),
        decay: decay?.whole ?? null,
      };
    });
    const start = tf.reshape<tf.Rank.R3>(inputs.start, [batch * heads, keyDim, valueDim]);
    const { states, corrections, final } = scan(parts, start);
    const o = tf.add(tf.matMul(parts.queries, states), tf.matMul(parts.weights, corrections));
    return [joinChunks(o, batch, chunks), tf.reshape(final, [batch, heads, keyDim, valueDim])];
  });
}

const deltaRuleOp = defineOp<ChunkwiseInputs, null, [o: tf.Tensor4D, state: tf.Tensor4D]>({
  name: 'DeltaRule',
  reference: chunkwise,
});

registerFusedKernel(deltaRuleOp, 'webgpu', {
  takes: hasKernel,
  forward: deltaRuleForward,
  gradient: (inputs, _, dOutput) => scope(() => deltaRuleGradient(inputs, dOutput)),
});

/** The kernels read four neighbours at once, and one workgroup holds all keys of a state. */
function hasKernel({ q, v }: ChunkwiseInputs): boolean {
  return q.shape[3] % 4 === 0 && q.shape[3] <= 256 && v.shape[3] % 4 === 0;
}

/** The recurrent form, for exactly one token. */
export function deltaRuleStep({ q, k, v, rate, logDecay, state }: DeltaRuleInputs): LinearAttentionOutputs {
  return scope(() => {
    const [batch, heads, , valueDim] = v.shape;
    const keyDim = q.shape[3];
    const [query, key] = [perHead(q, heads), perHead(k, heads)];
    const factor = (x: tf.Tensor3D) => tf.reshape(x, [batch, heads, 1, 1]);
    const start = state ?? tf.fill<tf.Rank.R4>([batch, heads, keyDim, valueDim], 0);
    const decayed = logDecay === null ? start : tf.mul(start, tf.exp(factor(logDecay)));
    const correction = tf.mul(tf.sub(v, tf.matMul(key, decayed)), factor(rate));
    const next = tf.add(decayed, tf.matMul(key, correction, true)) as tf.Tensor4D;
    return { o: tf.mul(tf.matMul(query, next), keyDim ** -0.5) as tf.Tensor4D, state: next };
  });
}

/** For R = B Nv rows, each of their chunks: W, U, (exp(G[C] - G) K) and exp(G[C]), which is null without decay. */
interface ChunkSystems {
  /** [R chunks, C, Dk] */
  readonly w: tf.Tensor3D;
  /** [R chunks, C, Dv] */
  readonly u: tf.Tensor3D;
  /** [R chunks, C, Dk] */
  readonly keys: tf.Tensor3D;
  /** [R chunks, 1, 1] */
  readonly decay: tf.Tensor3D | null;
}

/** From chunk to chunk: S at the start of each [R chunks, Dk, Dv], U' of each [R chunks, C, Dv], S after the last. */
function scan({ w, u, keys, decay }: ChunkSystems, start: tf.Tensor3D) {
  const rows = start.shape[0];
  const perChunk = (x: tf.Tensor3D) => unstack(tf.reshape(x, [rows, -1, ...x.shape.slice(1)]), 1) as tf.Tensor3D[];
  const allRows = (x: tf.Tensor3D[]) => tf.reshape<tf.Rank.R3>(tf.stack(x, 1), [-1, x[0]!.shape[1], x[0]!.shape[2]]);
  const [ws, us, ks, decays] = [perChunk(w), perChunk(u), perChunk(keys), decay && perChunk(decay)];
  const states: tf.Tensor3D[] = [];
  let state = start;
  const corrections = us.map((u, i) => {
    states.push(state);
    const correction = tf.sub(u, tf.matMul(ws[i]!, state)) as tf.Tensor3D;
    state = tf.add(times(state, decays?.[i]), tf.matMul(ks[i]!, correction, true)) as tf.Tensor3D;
    return correction;
  });
  return { states: allRows(states), corrections: allRows(corrections), final: state };
}

function times(x: tf.Tensor3D, factor: tf.Tensor3D | undefined): tf.Tensor3D {
  return factor === undefined ? x : tf.mul(x, factor);
}
