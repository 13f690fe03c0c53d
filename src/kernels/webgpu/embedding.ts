// Embedding: y[p] = W[id[p]], and its gradient dW[v] = sum over p with id[p] = v of dy[p], without atomics on floats.
// Gradient: a workgroup owns 16 rows of W and 256 vectors of their columns. It reads all ids (they stay in L2), 32 an invocation
// at a time, keeps which of them are its own as bits, and adds the rows of dy that the bits name, in a fixed order.
// Bytes: forward n D read and written; backward dy read, dW written, and the ids for every 16 rows. Bound by memory.
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
  const [dWeight] = run({
    program: backwardProgram(width),
    inputs: [ids, dy],
    outputs: [{ shape: [vocabulary, dim] }],
    uniforms: [ids.size, dim / width, vocabulary],
    workgroups: [Math.ceil(vocabulary / ROWS), Math.ceil(dim / width / WORKGROUP)],
  });
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

/** Rows of W a workgroup: each is a sum in registers. */
const ROWS = 16;
/** Ids an invocation looks at between two barriers: the bits of a word. */
const BITS = 32;

function backwardProgram(width: Width): Program {
  return {
    key: `embedding/backward/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ ids: 'i32', dys: 'real' }, { dweights: 'real' }, 'count: u32, width: u32, vocabulary: u32')}
var<workgroup> own: array<u32, ${WORKGROUP}>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first = workgroup.x * ${ROWS}u;
  let column = workgroup.y * ${WORKGROUP}u + local;
  let inside = column < uniforms.width;
  ${unrolled(ROWS, (i) => `var sum${i} = real(0.0);`)}
  for (var start = 0u; start < uniforms.count; start += ${WORKGROUP * BITS}u) {
    var bits = 0u;
    for (var i = 0u; i < ${BITS}u; i++) {
      let position = start + i * ${WORKGROUP}u + local;
      if (position < uniforms.count && u32(ids[position]) - first < ${ROWS}u) { bits |= 1u << i; }
    }
    own[local] = bits;
    workgroupBarrier();
    for (var word = 0u; word < ${WORKGROUP}u; word++) {
      for (var rest = own[word]; rest != 0u; rest &= rest - 1u) {
        let position = start + firstTrailingBit(rest) * ${WORKGROUP}u + word;
        var dy = real(0.0);
        if (inside) { dy = dys[position * uniforms.width + column]; }
        switch u32(ids[position]) - first {
          ${unrolled(ROWS, (i) => `case ${i}u: { sum${i} += dy; }`)}
          default: {}
        }
      }
    }
    workgroupBarrier();
  }
  if (inside) {
    ${unrolled(ROWS, (i) => `if (first + ${i}u < uniforms.vocabulary) { dweights[(first + ${i}u) * uniforms.width + column] = sum${i}; }`)}
  }
}`,
  };
}

export function samples(): Program[] {
  return [4, 1].flatMap((width) => [forwardProgram(width as Width), backwardProgram(width as Width)]);
}
