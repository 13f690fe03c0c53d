// Embedding: y[p] = W[id[p]], and its gradient dW[v] = sum over p with id[p] = v of dy[p], without atomics, in a fixed order.
// Gradient, two kernels. The first sorts positions by id: a workgroup takes 32 ids, counts for each invocation how often they
// are among its positions, and so knows, with the number of lower ids, where each position belongs; all of them read all ids,
// which stay in L1 and L2. The second adds rows of dy: eight invocations an id, on eight vectors of columns, four rows in flight;
// the rows of an id that occurs often are shared by all 32 eights of the workgroup. Ids that do not occur get zeros.
// Bytes: forward n D read and written; backward dy read, dW written, the ids for every 32 ids. Bound by memory.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, realOf, unrolled, widthOf, WORKGROUP, type Width } from './vectors.js';

/** weight [V, D], ids int32 of any shape -> [...ids, D] */
export function embed(weight: tf.Tensor2D, ids: tf.Tensor): tf.Tensor {
  const [vocabulary, dim] = weight.shape;
  const width = widthOf(dim);
  const count = (ids.size * dim) / width;
  const [y] = run({
    program: forwardProgram(width),
    inputs: [weight, ids],
    outputs: [{ shape: [...ids.shape, dim] }],
    uniforms: [count, dim / width, vocabulary],
    workgroups: workgroupsFor(count, WORKGROUP),
  });
  return y;
}

/** ids int32 and dy [...ids, D] -> dweight [vocabulary, D] */
export function embedGradient(ids: tf.Tensor, dy: tf.Tensor, vocabulary: number): tf.Tensor2D {
  const dim = dy.shape.at(-1)!;
  const width = widthOf(dim);
  const idWidth = widthOf(ids.size);
  const [starts, order] = run({
    program: sortProgram(idWidth),
    inputs: [ids],
    outputs: [
      { shape: [vocabulary + 1], dtype: 'int32' },
      { shape: [ids.size], dtype: 'int32' },
    ],
    uniforms: [ids.size / idWidth, vocabulary],
    workgroups: [Math.ceil((vocabulary + 1) / IDS)],
  });
  const [dWeight] = run({
    program: sumProgram(width),
    inputs: [starts, order, dy],
    outputs: [{ shape: [vocabulary, dim] }],
    uniforms: [dim / width, vocabulary],
    workgroups: [Math.ceil(dim / width / LANES), Math.ceil(vocabulary / IDS)],
  });
  starts.dispose();
  order.dispose();
  return dWeight as tf.Tensor2D;
}

function forwardProgram(width: Width): Program {
  return {
    key: `embedding/forward/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ weights: 'real', ids: 'i32' }, { y: 'real' }, 'count: u32, width: u32, vocabulary: u32')}
${perItem(`
  let id = min(u32(ids[item / uniforms.width]), uniforms.vocabulary - 1u);
  y[item] = weights[id * uniforms.width + item % uniforms.width];`)}`,
  };
}

/** Ids a workgroup, of both kernels. */
const IDS = 32;
/** Invocations of a workgroup that sorts, each with a count for every id; rows of counts are spread over the banks. */
const SORTERS = 128;
const COUNTS_ROW = SORTERS + 1;
/** Stretches that the counts of an id are added in. */
const STRETCHES = SORTERS / IDS;
/** Vectors of ids that an invocation has in flight. */
const ID_LOADS = 4;

/**
 * ids -> `starts` [V + 1] and `order`: the positions of id v are order[starts[v]] to order[starts[v + 1] - 1]. An invocation's
 * positions come before the next one's.
 */
function sortProgram(width: Width): Program {
  const own = `if (id - first < ${IDS}u)`;
  const eachId = (body: string) => `
  for (var start = local; start < uniforms.count; start += ${SORTERS * ID_LOADS}u) {
    ${unrolled(ID_LOADS, (i) => `let at${i} = start + ${SORTERS * i}u;\nlet ids${i} = ids[min(at${i}, uniforms.count - 1u)];`)}
    ${unrolled(ID_LOADS * width, (i) => {
      const [load, k] = [Math.floor(i / width), i % width];
      const id = width === 1 ? `ids${load}` : `ids${load}[${k}]`;
      return `if (at${load} < uniforms.count) { let position = at${load} * ${width}u + ${k}u; let id = u32(${id}); ${body} }`;
    })}
  }`;
  return {
    key: `embedding/sort/${width}`,
    wgsl: () => `
${bindings({ ids: width === 4 ? 'vec4<i32>' : 'i32' }, { starts: 'u32', order: 'u32' }, 'count: u32, vocabulary: u32')}
var<workgroup> counts: array<u32, ${IDS * COUNTS_ROW}>;
var<workgroup> lower: array<u32, ${SORTERS}>;
var<workgroup> stretches: array<u32, ${SORTERS}>;

@compute @workgroup_size(${SORTERS})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first = workgroup.x * ${IDS}u;
  for (var i = 0u; i < ${IDS}u; i++) { counts[i * ${COUNTS_ROW}u + local] = 0u; }
  var below = 0u;
  ${eachId(`below += u32(id < first); ${own} { counts[(id - first) * ${COUNTS_ROW}u + local]++; }`)}
  lower[local] = below;
  workgroupBarrier();

  // Counts become places, id after id. An invocation has a stretch of an id's counts.
  let row = local % ${IDS}u;
  let stretch = local / ${IDS}u;
  let begin = row * ${COUNTS_ROW}u + stretch * ${IDS}u;
  var sum = 0u;
  for (var i = 0u; i < ${IDS}u; i++) { sum += counts[begin + i]; }
  let mine = row * ${STRETCHES}u + stretch;
  stretches[mine] = sum;
  workgroupBarrier();
  var next = 0u;
  for (var i = 0u; i < ${SORTERS}u; i++) { next += lower[i] + select(0u, stretches[i], i < mine); }
  if (stretch == 0u && first + row <= uniforms.vocabulary) { starts[first + row] = next; }
  for (var i = 0u; i < ${IDS}u; i++) {
    let count = counts[begin + i];
    counts[begin + i] = next;
    next += count;
  }
  workgroupBarrier();

  ${eachId(`${own} { let to = (id - first) * ${COUNTS_ROW}u + local; order[counts[to]] = position; counts[to]++; }`)}
}`,
  };
}

/** Invocations an id, each on a vector of columns. */
const LANES = WORKGROUP / IDS;
/** Rows that an invocation has in flight. */
const ROWS = 4;
/** The most rows that the invocations of one id add by themselves. */
const MOST_ROWS = 32;

function sumProgram(width: Width): Program {
  const row = (i: number) => `dys[order[at + ${i}u * stride] * uniforms.width + column]`;
  return {
    key: `embedding/sum/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ starts: 'u32', order: 'u32', dys: 'real' }, { dweights: 'real' }, 'width: u32, vocabulary: u32')}
var<workgroup> shares: array<real, ${WORKGROUP}>;

fn startOf(id: u32) -> u32 { return starts[min(id, uniforms.vocabulary)]; }

/** The rows of order[begin], order[begin + stride], ... before \`end\`, added in this order. */
fn rows(begin: u32, end: u32, stride: u32, column: u32) -> real {
  var sum = real(0.0);
  for (var at = begin; at < end; at += ${ROWS}u * stride) {
    ${unrolled(ROWS, (i) => `var row${i} = real(0.0);\nif (at + ${i}u * stride < end) { row${i} = ${row(i)}; }`)}
    ${unrolled(ROWS, (i) => `sum += row${i};`)}
  }
  return sum;
}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let slot = local / ${LANES}u;
  let column = min(workgroup.x * ${LANES}u + local % ${LANES}u, uniforms.width - 1u);
  let inside = workgroup.x * ${LANES}u + local % ${LANES}u < uniforms.width;
  let first = workgroup.y * ${IDS}u;
  let own = first + slot;
  let begin = startOf(own);
  let end = startOf(own + 1u);
  if (inside && own < uniforms.vocabulary && end - begin <= ${MOST_ROWS}u) {
    dweights[own * uniforms.width + column] = rows(begin, end, 1u, column);
  }
  if (startOf(first + ${IDS}u) - startOf(first) <= ${MOST_ROWS}u) { return; }
  for (var id = first; id < first + ${IDS}u; id++) {
    let begin = startOf(id);
    let end = startOf(id + 1u);
    if (end - begin > ${MOST_ROWS}u) {
      shares[local] = rows(begin + slot, end, ${IDS}u, column);
      workgroupBarrier();
      for (var distance = ${WORKGROUP / 2}u; distance >= ${LANES}u; distance /= 2u) {
        if (local < distance) { shares[local] += shares[local + distance]; }
        workgroupBarrier();
      }
      if (slot == 0u && inside) { dweights[id * uniforms.width + column] = shares[local]; }
      workgroupBarrier();
    }
  }
}`,
  };
}

export function samples(): Program[] {
  return [4, 1].flatMap((width) => [forwardProgram, sortProgram, sumProgram].map((program) => program(width as Width)));
}
