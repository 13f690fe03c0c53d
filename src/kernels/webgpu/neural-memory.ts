// The neural memory of Titans (ops/neural-memory.ts has the formulas), a chunk of C tokens after the other:
//   E = K A - V;  o[t] = b[t] q[t] M + f[t] q[t] S - sum over j <= t of G[t,j] (q[t].k[j]) E[j]
//   M' = b[C] M + f[C] S - (diag(G[C]) K)^T E;  S' = m[C] S - (diag(n[C]) K)^T E
// with A the M that the chunk began with, and the factors of neural-memory-factors.ts.
// Columns of M and S do not meet: a workgroup goes through all tokens with 16 of them, in registers; an invocation has a column's
// rows of one group, and the groups' parts of a product are added through workgroup memory. Slots of a chunk before the first
// token and after the last leave everything as it is.
// Bytes: q and k once a workgroup (from L2 but for the first), v read once, o written. FLOPs: 10 C D^2 a chunk, and for each
// workgroup 2 C^2 D. Bound by the latency of the serial steps, so by batch x heads x D / 16.
import * as tf from '#tfjs';
import { chunkFactors, factorMemory } from './neural-memory-factors.js';
import { deviceBackend, run, type Program } from './runner.js';
import { bindings, unrolled } from './vectors.js';

export interface NeuralMemoryKernelInputs {
  /** [B, N, T, D] */
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** [B, N, T] */
  readonly logKeep: tf.Tensor3D;
  readonly logMomentum: tf.Tensor3D;
  readonly stepSize: tf.Tensor3D;
  /** M, S and A of the chunk under way, where there is one, [B, N, D, D]. */
  readonly memory: tf.Tensor4D;
  readonly momentum: tf.Tensor4D;
  readonly chunkStart?: tf.Tensor4D;
}

/** What the text depends on. */
interface Form {
  readonly dim: number;
  readonly chunk: number;
  /** Whether a chunk is under way. */
  readonly started: boolean;
}

const LONGEST_CHUNK = 16;
const STORAGE_BUFFERS = 11;

/** -> o [B, N, T, D]; M and S after the last token; the M that its chunk began with, which is undefined where a chunk ended. */
export function neuralMemoryForward(
  { q, k, v, logKeep, logMomentum, stepSize, memory, momentum, chunkStart }: NeuralMemoryKernelInputs,
  chunk: number,
  seen: number,
): [o: tf.Tensor4D, memory: tf.Tensor4D, momentum: tf.Tensor4D, chunkStart: tf.Tensor4D] {
  const [batch, heads, length, dim] = q.shape;
  const gates = tf.stack([logKeep, logMomentum, stepSize]);
  const outputs = run({
    program: programOf({ dim, chunk, started: chunkStart !== undefined }),
    inputs: [q, k, v, gates, memory, momentum, ...(chunkStart === undefined ? [] : [chunkStart])],
    outputs: [{ shape: q.shape }, { shape: memory.shape }, { shape: memory.shape }, { shape: memory.shape }],
    uniforms: [length, seen, Math.ceil((seen + length) / chunk), gates.size / 3],
    workgroups: [dim / tilingOf(dim).columns, batch * heads],
  });
  gates.dispose();
  return outputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor] as [
    tf.Tensor4D,
    tf.Tensor4D,
    tf.Tensor4D,
    tf.Tensor4D,
  ];
}

/** Whether the kernel has this form, and the device what it needs. */
export function hasNeuralMemoryKernel(dim: number, chunk: number): boolean {
  if (dim % 4 !== 0 || dim > 256 || chunk > LONGEST_CHUNK) return false;
  const { columns, invocations, exchanged } = tilingOf(dim);
  const floats = 2 * chunk * dim + exchanged * invocations + chunk * (columns + chunk + 7) + 4;
  const { maxComputeWorkgroupStorageSize, maxStorageBuffersPerShaderStage } = deviceBackend().device.limits;
  return 4 * floats <= maxComputeWorkgroupStorageSize && STORAGE_BUFFERS <= maxStorageBuffersPerShaderStage;
}

function tilingOf(dim: number) {
  const columns = [16, 8].find((columns) => dim % columns === 0) ?? 4;
  const groups = [16, 8, 4, 2].find((groups) => groups * columns <= 256 && dim % (4 * groups) === 0) ?? 1;
  /** Tokens whose parts of a product are in workgroup memory at once: up to 64 columns all of it is within 16 KiB. */
  const exchanged = dim <= 64 ? 4 : 8;
  return { columns, groups, invocations: columns * groups, exchanged };
}

function programOf(form: Form): Program {
  const { dim, chunk, started } = form;
  const { columns, groups, invocations, exchanged } = tilingOf(dim);
  const [fourths, vectors] = [dim / 4, dim / groups / 4];
  const tokens = (body: (s: number) => string) => unrolled(chunk, body);
  const rows = (body: (r: number) => string) => unrolled(vectors, body);
  /** Four rows of the invocation's column. */
  const column = (matrix: string, r: number) =>
    `vec4(${[0, 1, 2, 3].map((i) => `${matrix}[own + ${(4 * r + i) * dim}u]`).join(', ')})`;
  const storeColumn = (matrix: string, value: (r: number) => string) =>
    rows((r) => unrolled(4, (i) => `${matrix}[own + ${(4 * r + i) * dim}u] = ${value(r)}[${i}];`));
  const ownRows = (tile: string, s: number, r: number) => `${tile}[${s * fourths + r}u + group * ${vectors}u]`;
  const startOf = (r: number) => (started ? `start${r}` : `m${r}`);
  /** The groups' part0, part1, ... added: `use` finds the sum of column j for a token's `slot`. */
  const exchange = (use: string) =>
    unrolled(Math.ceil(chunk / exchanged), (round) => {
      const first = round * exchanged;
      const count = Math.min(exchanged, chunk - first);
      return `
    ${unrolled(count, (s) => `parts[${s * invocations}u + local] = part${first + s};`)}
    workgroupBarrier();
    for (var at = local; at < ${count * columns}u; at += ${invocations}u) {
      let slot = ${first}u + at / ${columns}u;
      let j = at % ${columns}u;
      var sum = 0.0;
      for (var g = 0u; g < ${groups}u; g++) { sum += parts[at / ${columns}u * ${invocations}u + g * ${columns}u + j]; }
      ${use}
    }
    workgroupBarrier();`;
    });
  return {
    key: `neural-memory/${dim}/${chunk}/${started ? 'started' : '-'}`,
    wgsl: () => `
${bindings(
  {
    ...{ q: 'vec4<f32>', k: 'vec4<f32>', v: 'f32', gates: 'f32' },
    ...{ memory: 'f32', momentum: 'f32', ...(started && { chunkStart: 'f32' }) },
  },
  { o: 'f32', lastMemory: 'f32', lastMomentum: 'f32', lastStart: 'f32' },
  'length: u32, seen: u32, chunks: u32, tokens: u32',
)}
var<workgroup> queries: array<vec4<f32>, ${chunk * fourths}>;
var<workgroup> keys: array<vec4<f32>, ${chunk * fourths}>;
var<workgroup> parts: array<f32, ${exchanged * invocations}>;
var<workgroup> errors: array<f32, ${chunk * columns}>;
${factorMemory(chunk)}
@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = workgroup.y;
  let column = workgroup.x * ${columns}u;
  let group = local / ${columns}u;
  let own = (row * ${dim}u + group * ${4 * vectors}u) * ${dim}u + column + local % ${columns}u;
  ${rows((r) => `var m${r} = ${column('memory', r)};`)}
  ${rows((r) => `var s${r} = ${column('momentum', r)};`)}

  for (var n = 0u; n < uniforms.chunks; n++) {
    // The slot of the chunk's first token, and the one behind its last.
    let begin = select(0u, uniforms.seen, n == 0u);
    let past = min(${chunk}u, uniforms.seen + uniforms.length - n * ${chunk}u);
    // Where the token of slot 0 is, or would be; the sums with a slot that has a token are not negative.
    let base = row * uniforms.length + n * ${chunk}u - uniforms.seen;
    workgroupBarrier();
    for (var at = local; at < ${chunk * fourths}u; at += ${invocations}u) {
      let slot = at / ${fourths}u;
      queries[at] = vec4<f32>();
      keys[at] = vec4<f32>();
      if (slot >= begin && slot < past) {
        let source = (base + slot) * ${fourths}u + at % ${fourths}u;
        queries[at] = q[source];
        keys[at] = k[source];
      }
    }
    ${chunkFactors(chunk, invocations)}
    ${started ? rows((r) => `var start${r} = m${r};\n    if (n == 0u) { start${r} = ${column('chunkStart', r)}; }`) : ''}
    ${tokens((s) => `var part${s} = 0.0;`)}
    ${rows((r) => tokens((s) => `part${s} += dot(${ownRows('keys', s, r)}, ${startOf(r)});`))}
    ${exchange(`
      var value = 0.0;
      if (slot >= begin && slot < past) { value = v[(base + slot) * ${dim}u + column + j]; }
      errors[slot * ${columns}u + j] = sum - value;`)}
    for (var at = local; at < ${chunk * chunk}u; at += ${invocations}u) {
      let t = at / ${chunk}u;
      let j = at % ${chunk}u;
      var product = 0.0;
      // Neighbours begin at neighbouring columns: their reads are of different banks.
      for (var c = 0u; c < ${fourths}u; c++) {
        let column = (j + c) % ${fourths}u;
        product += dot(queries[t * ${fourths}u + column], keys[j * ${fourths}u + column]);
      }
      weights[at] *= product;
    }
    workgroupBarrier();

    ${tokens((s) => `part${s} = 0.0;`)}
    ${rows((r) =>
      tokens(
        (s) => `{
      let query = ${ownRows('queries', s, r)};
      part${s} += onMemory[${s}] * dot(query, m${r}) + onMomentum[${s}] * dot(query, s${r});
    }`,
      ),
    )}
    for (var j = group; j < ${chunk}u; j += ${groups}u) {
      let error = errors[j * ${columns}u + local % ${columns}u];
      ${tokens((t) => `part${t} -= weights[${t * chunk}u + j] * error;`)}
    }
    if (past < ${chunk}u) {
      ${storeColumn('lastStart', startOf)}
    }
    ${rows(
      (r) => `m${r} = onMemory[${chunk - 1}] * m${r} + onMomentum[${chunk - 1}] * s${r};
    s${r} *= pushed;`,
    )}
    ${tokens(
      (s) => `{
      let error = errors[${s * columns}u + local % ${columns}u];
      ${rows(
        (r) => `let key${r} = ${ownRows('keys', s, r)};
      m${r} -= (toMemory[${s}] * error) * key${r};
      s${r} -= (toMomentum[${s}] * error) * key${r};`,
      )}
    }`,
    )}
    ${exchange(`if (slot >= begin && slot < past) { o[(base + slot) * ${dim}u + column + j] = sum; }`)}
  }
  ${storeColumn('lastMemory', (r) => `m${r}`)}
  ${storeColumn('lastMomentum', (r) => `s${r}`)}
}`,
  };
}

export function samples(): Program[] {
  return [
    programOf({ dim: 128, chunk: 16, started: false }),
    programOf({ dim: 128, chunk: 16, started: true }),
    programOf({ dim: 64, chunk: 4, started: false }),
    programOf({ dim: 12, chunk: 5, started: true }),
  ];
}
