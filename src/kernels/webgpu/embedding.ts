// Embedding: y[p] = W[id[p]], and its gradient dW[v] = sum over p with id[p] = v of dy[p], without atomics, in a fixed order.
// Gradient: positions are sorted by id (sort-by-id.ts). Rows of ids that occur often are added first in pieces of 32 places in this
// order, a workgroup a piece: an id of more than 32 is the first or the last one of each piece that it is in. Then each id adds its
// rows, or its pieces' sums: eight invocations an id, on four vectors of columns each. Ids that do not occur get zeros.
// Bytes: forward n D read and written; backward dy read, dW written, of ids of more than 32 a row for every 32 written and read. Bound by memory.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';
import { sortById } from './sort-by-id.js';
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
  const { starts, order, sorted } = sortById(ids, vocabulary);
  const pieces = Math.ceil(ids.size / PIECE);
  const [sums] = run({
    program: piecesProgram(width),
    inputs: [starts, order, sorted, dy],
    outputs: [{ shape: [pieces, 2, dim] }],
    uniforms: [dim / width, vocabulary],
    workgroups: [Math.ceil(dim / width / PIECE_COLUMNS), pieces],
  });
  const [dWeight] = run({
    program: sumProgram(width),
    inputs: [starts, order, sums, dy],
    outputs: [{ shape: [vocabulary, dim] }],
    uniforms: [dim / width, vocabulary],
    workgroups: [Math.ceil(dim / width / (LANES * COLUMNS)), Math.ceil(vocabulary / IDS)],
  });
  [starts, order, sorted, sums].forEach((tensor) => tensor.dispose());
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

/** Places of a piece, and the most rows that are added without pieces. */
const PIECE = 32;
const PIECE_COLUMNS = 64;
/** Rows that an invocation of a piece has in flight. */
const PIECE_ROWS = 8;

/** Adds rows to sums, `rows` at once: of \`count\` rows of \`from\`, the i-th being \`row(i)\`, in the order of i. */
function addRows(
  from: string,
  count: string,
  row: (i: string) => string,
  columns: readonly string[],
  rows: number,
): string {
  return `
  for (var at = 0u; at < ${count}; at += ${rows}u) {
    ${unrolled(rows, (i) => `let row${i} = ${row(`min(at + ${i}u, ${count} - 1u)`)} * uniforms.width;`)}
    ${unrolled(rows, (i) => columns.map((_, k) => `var row${i}x${k} = real(0.0);`).join(' '))}
    ${unrolled(rows, (i) => `if (at + ${i}u < ${count}) { ${columns.map((column, k) => `row${i}x${k} = ${from}[row${i} + ${column}];`).join(' ')} }`)}
    ${unrolled(rows, (i) => columns.map((_, k) => `sum${k} += row${i}x${k};`).join(' '))}
  }`;
}

/** The sums of the first and of the last id of each piece, where these have more than PIECE rows: [pieces, 2, D]. */
function piecesProgram(width: Width): Program {
  const sum = (slot: number) => `
  {
    var sum0 = real(0.0);
    ${addRows('dys', 'count', (i) => `order[start + ${i}]`, ['column'], PIECE_ROWS)}
    sums[(2u * workgroup.y + ${slot}u) * uniforms.width + column] = sum0;
  }`;
  return {
    key: `embedding/pieces/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ starts: 'u32', order: 'u32', sorted: 'u32', dys: 'real' }, { sums: 'real' }, 'width: u32, vocabulary: u32')}

@compute @workgroup_size(${PIECE_COLUMNS})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let column = workgroup.x * ${PIECE_COLUMNS}u + local;
  let begin = workgroup.y * ${PIECE}u;
  let end = min(begin + ${PIECE}u, starts[uniforms.vocabulary]);
  if (column >= uniforms.width || begin >= end) { return; }
  let head = sorted[begin];
  let tail = sorted[end - 1u];
  if (starts[head + 1u] - starts[head] > ${PIECE}u) {
    let start = begin;
    let count = min(end, starts[head + 1u]) - start;
    ${sum(0)}
  }
  if (tail != head && starts[tail + 1u] - starts[tail] > ${PIECE}u) {
    let start = starts[tail];
    let count = end - start;
    ${sum(1)}
  }
}`,
  };
}

/** Ids a workgroup. */
const IDS = 32;
/** Invocations an id, each on so many vectors of columns, with so many rows in flight. */
const LANES = WORKGROUP / IDS;
const COLUMNS = 4;
const ROWS = 2;

function sumProgram(width: Width): Program {
  const columns = Array.from({ length: COLUMNS }, (_, k) => `column${k}`);
  return {
    key: `embedding/sum/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ starts: 'u32', order: 'u32', sums: 'real', dys: 'real' }, { dweights: 'real' }, 'width: u32, vocabulary: u32')}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let id = workgroup.y * ${IDS}u + local / ${LANES}u;
  if (id >= uniforms.vocabulary) { return; }
  let first = workgroup.x * ${LANES * COLUMNS}u + local % ${LANES}u;
  ${unrolled(COLUMNS, (k) => `let column${k} = min(first + ${k * LANES}u, uniforms.width - 1u);\n  var sum${k} = real(0.0);`)}
  let begin = starts[id];
  let count = starts[id + 1u] - begin;
  if (count <= ${PIECE}u) {
    ${addRows('dys', 'count', (i) => `order[begin + ${i}]`, columns, ROWS)}
  } else {
    // Only in the first of its pieces may an id be the last one and not the first.
    let piece = begin / ${PIECE}u;
    let pieces = (begin + count - 1u) / ${PIECE}u + 1u - piece;
    let tail = u32(begin % ${PIECE}u > 0u);
    ${addRows('sums', 'pieces', (i) => `(2u * (piece + ${i}) + select(0u, tail, ${i} == 0u))`, columns, ROWS)}
  }
  ${unrolled(COLUMNS, (k) => `if (first + ${k * LANES}u < uniforms.width) { dweights[id * uniforms.width + column${k}] = sum${k}; }`)}
}`,
  };
}

export function samples(): Program[] {
  return [4, 1].flatMap((width) =>
    [forwardProgram, piecesProgram, sumProgram].map((program) => program(width as Width)),
  );
}
