// TTT-Linear (ops/ttt-mini-batch.ts) in its dual form, a mini-batch of K tokens after the other:
//   E_s = gradient of 1/2 |LN(k_s W + b) - (v_s - k_s)|^2,   G_s = rate_s E_s,
//   y_i = q_i + LN(q_i W + b - scale_i (sum over s <= i of (1 + q_i.k_s) G_s)),   [W b] -= scale_K (sum over s of [k_s 1]^T G_s)
// A workgroup a row and head goes through all tokens. It holds W in registers: an invocation has a column's rows of one group
// of `groups`, whose parts of a product are added through workgroup memory. Norms are computed with four columns an invocation.
// Slots of a mini-batch before the first token and after the last have a rate of 0, and so learn nothing.
// Bytes: q, k, v read once, y written. FLOPs: 6 K D^2 + 4 K^2 D a mini-batch. Bound by the latency of the serial steps, so by
// batch x heads: 128 of them occupy an H200.
import type * as tf from '#tfjs';
import { deviceBackend, run, type Program } from './runner.js';
import { bindings, unrolled } from './vectors.js';

export interface TttKernelInputs {
  /** [B, N, T, D] */
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** [B, N, T, 1] */
  readonly rate: tf.Tensor4D;
  /** [K] */
  readonly scale: tf.Tensor1D;
  /** [N, 1, D] */
  readonly normWeight: tf.Tensor;
  readonly normBias: tf.Tensor;
  /** W and below it b, [B, N, D + 1, D]. */
  readonly weights: tf.Tensor4D;
  /** The sum over the running mini-batch, of the same shape. */
  readonly pending?: tf.Tensor4D;
}

/** What the text depends on. */
interface Form {
  readonly dim: number;
  readonly miniBatch: number;
  readonly epsilon: number;
  readonly pending: boolean;
}

/** Tokens whose parts of a product are in workgroup memory at once. */
const EXCHANGED = 8;
const LONGEST_MINI_BATCH = 16;
const STORAGE_BUFFERS = 12;

/** -> y [B, N, T, D], the weights and the pending sum after the last token, which is undefined where a mini-batch ended. */
export function tttForward(
  { q, k, v, rate, scale, normWeight, normBias, weights, pending }: TttKernelInputs,
  place: number,
  epsilon: number,
): [y: tf.Tensor4D, weights: tf.Tensor4D, pending: tf.Tensor4D] {
  const [batch, heads, length, dim] = q.shape;
  const miniBatch = scale.shape[0];
  const outputs = run({
    program: programOf({ dim, miniBatch, epsilon, pending: pending !== undefined }),
    inputs: [q, k, v, rate, scale, normWeight, normBias, weights, ...(pending === undefined ? [] : [pending])],
    outputs: [{ shape: q.shape }, { shape: weights.shape }, { shape: weights.shape }],
    uniforms: [length, place, Math.ceil((place + length) / miniBatch), heads],
    workgroups: [heads, batch],
  });
  return outputs as [tf.Tensor, tf.Tensor, tf.Tensor] as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
}

/** Whether the kernel has this form, and the device the workgroup memory. */
export function hasTttKernel(dim: number, miniBatch: number): boolean {
  if (dim % 4 !== 0 || dim > 128 || miniBatch > LONGEST_MINI_BATCH) return false;
  const bytes = 4 * (2 * miniBatch * dim + areaOf(dim, miniBatch).size);
  const { maxComputeWorkgroupStorageSize, maxStorageBuffersPerShaderStage } = deviceBackend().device.limits;
  return bytes <= maxComputeWorkgroupStorageSize && STORAGE_BUFFERS <= maxStorageBuffersPerShaderStage;
}

function groupsOf(dim: number): number {
  return [4, 2].find((groups) => groups * dim <= 256 && dim % (4 * groups) === 0) ?? 1;
}

/** Workgroup memory that holds, one after the other, parts of products, and rows [K, D] with two areas of their statistics. */
function areaOf(dim: number, miniBatch: number) {
  const rows = miniBatch * dim;
  const statistics = Math.max(rows / 2, miniBatch * miniBatch);
  const parts = Math.min(EXCHANGED, miniBatch) * groupsOf(dim) * dim;
  return { first: rows, second: rows + statistics, size: Math.max(parts, rows + statistics + rows / 2) };
}

function programOf(form: Form): Program {
  const { dim, miniBatch, epsilon, pending } = form;
  const groups = groupsOf(dim);
  const invocations = groups * dim;
  const [fourths, vectors] = [dim / 4, dim / groups / 4];
  const area = areaOf(dim, miniBatch);
  /** Vectors of four columns of the rows [K, D] that an invocation has. */
  const items = Math.ceil((miniBatch * fourths) / invocations);
  const tokens = (body: (s: number) => string) => unrolled(miniBatch, body);
  const rows = (body: (r: number) => string) => unrolled(vectors, body);
  const eachItem = (body: (m: number) => string) =>
    unrolled(items, (m) => `if (item${m} < ${miniBatch * fourths}u) { ${body(m)} }`);
  /** Four rows of the invocation's column. */
  const column = (matrix: string, r: number) =>
    `vec4(${[0, 1, 2, 3].map((i) => `${matrix}[own + ${(4 * r + i) * dim}u]`).join(', ')})`;
  const storeColumn = (matrix: string, value: (r: number) => string) =>
    rows((r) => unrolled(4, (i) => `${matrix}[own + ${(4 * r + i) * dim}u] = ${value(r)}[${i}];`));
  return {
    key: `ttt-mini-batch/${dim}/${miniBatch}/${epsilon}/${pending ? 'pending' : '-'}`,
    wgsl: () => `
${bindings(
  {
    ...{ q: 'vec4<f32>', k: 'vec4<f32>', v: 'vec4<f32>', rates: 'f32', scale: 'f32' },
    ...{ normWeights: 'vec4<f32>', normBiases: 'vec4<f32>', weights: 'f32', ...(pending && { pending: 'f32' }) },
  },
  { y: 'vec4<f32>', lastWeights: 'f32', lastPending: 'f32' },
  'length: u32, place: u32, miniBatches: u32, heads: u32',
)}
var<workgroup> queries: array<vec4<f32>, ${miniBatch * fourths}>;
var<workgroup> keys: array<vec4<f32>, ${miniBatch * fourths}>;
var<workgroup> area: array<f32, ${area.size}>;

fn total(x: vec4<f32>) -> f32 { return (x.x + x.y) + (x.z + x.w); }

fn rowPart(item: u32) -> vec4<f32> {
  return vec4(area[4u * item], area[4u * item + 1u], area[4u * item + 2u], area[4u * item + 3u]);
}

fn setStatistics(start: u32, item: u32, first: f32, second: f32) {
  area[start + 2u * item] = first;
  area[start + 2u * item + 1u] = second;
}

// Mean and sum of squares around it of four columns.
fn setMoments(item: u32) {
  let x = rowPart(item);
  let mean = total(x) * 0.25;
  setStatistics(${area.first}u, item, mean, total((x - mean) * (x - mean)));
}

// Mean and deviation of the row of four columns, from the moments of its parts.
fn momentsOf(item: u32) -> vec2<f32> {
  let start = ${area.first}u + 2u * (item - item % ${fourths}u);
  var mean = 0.0;
  for (var i = 0u; i < ${fourths}u; i++) { mean += area[start + 2u * i]; }
  mean *= ${1 / fourths};
  var squares = 0.0;
  for (var i = 0u; i < ${fourths}u; i++) {
    let off = area[start + 2u * i] - mean;
    squares += area[start + 2u * i + 1u] + 4.0 * off * off;
  }
  return vec2(mean, sqrt(squares * ${1 / dim} + ${epsilon}));
}

fn meansOf(item: u32) -> vec2<f32> {
  let start = ${area.second}u + 2u * (item - item % ${fourths}u);
  var sums = vec2<f32>();
  for (var i = 0u; i < ${fourths}u; i++) { sums += vec2(area[start + 2u * i], area[start + 2u * i + 1u]); }
  return sums * ${1 / dim};
}

@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let head = workgroup.x;
  let row = workgroup.y * uniforms.heads + head;
  let j = local % ${dim}u;
  let group = local / ${dim}u;
  let own = (row * ${dim + 1}u + group * ${4 * vectors}u) * ${dim}u + j;
  let ownBias = (row * ${dim + 1}u + ${dim}u) * ${dim}u + j;
  ${rows((r) => `var w${r} = ${column('weights', r)};`)}
  var bias = weights[ownBias];
  ${unrolled(
    items,
    (m) => `
  let item${m} = local + ${m * invocations}u;
  let slot${m} = item${m} / ${fourths}u;
  let normWeight${m} = normWeights[head * ${fourths}u + item${m} % ${fourths}u];
  let normBias${m} = normBiases[head * ${fourths}u + item${m} % ${fourths}u];
  var z${m} = vec4<f32>();
  var error${m} = vec4<f32>();
  var deviation${m} = 1.0;`,
  )}

  for (var n = 0u; n < uniforms.miniBatches; n++) {
    // The slot of the mini-batch's first token, and the one behind its last.
    let begin = select(0u, uniforms.place, n == 0u);
    let past = min(${miniBatch}u, uniforms.place + uniforms.length - n * ${miniBatch}u);
    // Where the token of slot 0 is, or would be; the sums with a slot that has a token are not negative.
    let base = row * uniforms.length + n * ${miniBatch}u - uniforms.place;
    workgroupBarrier();
    for (var at = local; at < ${miniBatch * fourths}u; at += ${invocations}u) {
      let slot = at / ${fourths}u;
      queries[at] = vec4<f32>();
      keys[at] = vec4<f32>();
      if (slot >= begin && slot < past) {
        let source = (base + slot) * ${fourths}u + at % ${fourths}u;
        queries[at] = q[source];
        keys[at] = k[source];
      }
    }
    workgroupBarrier();

    // k W + b, and the gradient of the loss there.
    let ownShare = select(0.0, bias, group == 0u);
    ${tokens((s) => `var part${s} = ownShare;`)}
    ${rows((r) => tokens((s) => `part${s} += dot(keys[${s * fourths + r}u + group * ${vectors}u], w${r});`))}
    ${exchange(form)}
    ${eachItem((m) => `setMoments(item${m});`)}
    workgroupBarrier();
    ${eachItem(
      (m) => `
      let moments = momentsOf(item${m});
      z${m} = (rowPart(item${m}) - moments.x) / moments.y;
      deviation${m} = moments.y;
      var wanted = -keys[item${m}];
      if (slot${m} >= begin && slot${m} < past) { wanted += v[base * ${fourths}u + item${m}]; }
      error${m} = (z${m} * normWeight${m} + normBias${m} - wanted) * normWeight${m};
      setStatistics(${area.second}u, item${m}, total(error${m}), total(error${m} * z${m}));`,
    )}
    workgroupBarrier();
    ${eachItem(
      (m) => `
      let means = meansOf(item${m});
      var rate = 0.0;
      if (slot${m} >= begin && slot${m} < past) { rate = rates[base + slot${m}]; }
      let gradient = (error${m} - means.x - z${m} * means.y) * (rate / deviation${m});
      ${unrolled(4, (i) => `area[4u * item${m} + ${i}u] = gradient[${i}];`)}`,
    )}
    for (var at = local; at < ${miniBatch * miniBatch}u; at += ${invocations}u) {
      let i = at / ${miniBatch}u;
      let s = at % ${miniBatch}u;
      var reach = 0.0;
      if (s <= i) {
        reach = 1.0;
        // Neighbours begin at neighbouring columns: their reads are of different banks.
        for (var c = 0u; c < ${fourths}u; c++) {
          let column = (s + c) % ${fourths}u;
          reach += dot(queries[i * ${fourths}u + column], keys[s * ${fourths}u + column]);
        }
      }
      area[${area.first}u + at] = scale[i] * reach;
    }
    workgroupBarrier();

    // q W + b less what is learnt up to the token, by the weights that the mini-batch began with.
    ${tokens((s) => `part${s} = ownShare;`)}
    ${rows((r) => tokens((s) => `part${s} += dot(queries[${s * fourths + r}u + group * ${vectors}u], w${r});`))}
    for (var s = group; s < ${miniBatch}u; s += ${groups}u) {
      let gradient = area[s * ${dim}u + j];
      ${tokens((i) => `part${i} -= area[${area.first + i * miniBatch}u + s] * gradient;`)}
    }
    ${rows((r) => `var sum${r} = vec4<f32>();`)}
    var biasSum = 0.0;
    ${
      pending
        ? `if (n == 0u) {
      ${rows((r) => `sum${r} = ${column('pending', r)};`)}
      biasSum = pending[ownBias];
      let biasShare = select(0.0, biasSum, group == 0u);
      ${tokens((s) => {
        const products = Array.from(
          { length: vectors },
          (_, r) => `dot(queries[${s * fourths + r}u + group * ${vectors}u], sum${r})`,
        );
        return `part${s} -= scale[${s}] * (${['biasShare', ...products].join(' + ')});`;
      })}
    }`
        : ''
    }
    ${tokens(
      (s) => `{
      let gradient = area[${s * dim}u + j];
      biasSum += gradient;
      ${rows((r) => `sum${r} += keys[${s * fourths + r}u + group * ${vectors}u] * gradient;`)}
    }`,
    )}
    if (past == ${miniBatch}u) {
      ${rows((r) => `w${r} -= scale[${miniBatch - 1}] * sum${r};`)}
      bias -= scale[${miniBatch - 1}] * biasSum;
    } else {
      ${storeColumn('lastPending', (r) => `sum${r}`)}
      if (group == 0u) { lastPending[ownBias] = biasSum; }
    }
    workgroupBarrier();
    ${exchange(form)}
    ${eachItem((m) => `setMoments(item${m});`)}
    workgroupBarrier();
    ${eachItem(
      (m) => `
      if (slot${m} >= begin && slot${m} < past) {
        let moments = momentsOf(item${m});
        let normed = (rowPart(item${m}) - moments.x) / moments.y * normWeight${m} + normBias${m};
        y[base * ${fourths}u + item${m}] = queries[item${m}] + normed;
      }`,
    )}
  }
  ${storeColumn('lastWeights', (r) => `w${r}`)}
  if (group == 0u) { lastWeights[ownBias] = bias; }
}`,
  };
}

/** The groups' part0, part1, ... added, as rows [K, D] at the start of the area. */
function exchange({ dim, miniBatch }: Form): string {
  const groups = groupsOf(dim);
  const rounds = Math.ceil(miniBatch / EXCHANGED);
  const inRound = (round: number) => Math.min(EXCHANGED, miniBatch - round * EXCHANGED);
  const sums = Array.from({ length: rounds }, (_, round) =>
    Array.from({ length: Math.ceil(inRound(round) / groups) }, (_, m) => ({
      name: `sum${round}_${m}`,
      /** Its token in the round, and whether there is one. */
      slot: `(${m * groups}u + group)`,
      exists: (m + 1) * groups <= inRound(round) ? 'true' : `${m * groups}u + group < ${inRound(round)}u`,
    })),
  );
  return `{
    ${sums.map((ofRound) => ofRound.map(({ name }) => `var ${name} = 0.0;`).join('\n')).join('\n')}
    ${sums
      .map(
        (ofRound, round) => `
    ${unrolled(inRound(round), (s) => `area[${s * groups * dim}u + local] = part${round * EXCHANGED + s};`)}
    workgroupBarrier();
    ${ofRound
      .map(
        ({ name, slot, exists }) => `if (${exists}) {
      ${unrolled(groups, (g) => `${name} += area[${slot} * ${groups * dim}u + ${g * dim}u + j];`)}
    }`,
      )
      .join('\n')}
    workgroupBarrier();`,
      )
      .join('\n')}
    ${sums
      .map((ofRound, round) =>
        ofRound
          .map(
            ({ name, slot, exists }) =>
              `if (${exists}) { area[(${round * EXCHANGED}u + ${slot}) * ${dim}u + j] = ${name}; }`,
          )
          .join('\n'),
      )
      .join('\n')}
    workgroupBarrier();
  }`;
}

export function samples(): Program[] {
  const form = { miniBatch: 16, epsilon: 1e-6, pending: false };
  return [
    programOf({ ...form, dim: 64 }),
    programOf({ ...form, dim: 64, pending: true }),
    programOf({ ...form, dim: 96 }),
    programOf({ ...form, dim: 4, miniBatch: 5, pending: true }),
  ];
}
