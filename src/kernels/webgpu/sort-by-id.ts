// Positions sorted by id, for the embedding's gradient (embedding.ts): a radix sort without atomics, a kernel for every eight bits of
// the ids from the lowest on. A workgroup is a digit. Each of its invocations goes through a stretch of the positions twice: it
// counts those of its digit, and those of lower ones; then it knows where its own belong, and moves them. All workgroups read all
// ids from L1 and L2 side by side, so that a kernel takes as long as a multiprocessor needs to read them twice, whatever they are.
// The last kernel also looks up where each id begins in what its workgroup has written.
// A stretch is contiguous in the order that the kernel before left, yet neighbouring invocations read neighbours: that kernel wrote
// the n-th position to where its reader finds it. Bytes: at each digit's multiprocessor 8 an id.
import type * as tf from '#tfjs';
import { run, type Program } from './runner.js';
import { bindings, unrolled, WORKGROUP } from './vectors.js';

export interface SortedIds {
  /** [vocabulary + 1]: the positions of id v are order[starts[v]] to order[starts[v + 1] - 1], in an order that the ids fix. */
  readonly starts: tf.Tensor;
  /** [n] */
  readonly order: tf.Tensor;
  /** The ids in this order, [n]; those outside the vocabulary are last, as `vocabulary`. */
  readonly sorted: tf.Tensor;
}

const DIGIT_BITS = 8;
/** Ids that an invocation has in flight. */
const LOADS = 16;

/** ids int32 of any shape, at least one */
export function sortById(ids: tf.Tensor, vocabulary: number): SortedIds {
  const passes = Math.max(1, Math.ceil(Math.log2(vocabulary + 1) / DIGIT_BITS));
  const stretch = Math.ceil(ids.size / WORKGROUP);
  const pass = (number: number, inputs: readonly tf.Tensor[]) => {
    const place = { first: number === 0, last: number === passes - 1 };
    const shape = [place.last ? ids.size : WORKGROUP * stretch];
    return run({
      program: program(place),
      inputs,
      outputs: [shape, shape, ...(place.last ? [[vocabulary + 1]] : [])].map((shape) => ({
        shape,
        dtype: 'int32' as const,
      })),
      uniforms: [ids.size, stretch, vocabulary, DIGIT_BITS * number],
      workgroups: [place.last ? (vocabulary >>> (DIGIT_BITS * number)) + 1 : 2 ** DIGIT_BITS],
    });
  };
  let made = pass(0, [ids]);
  for (let number = 1; number < passes; number++) {
    const [sorted, order] = made;
    made = pass(number, [sorted!, order!]);
    [sorted, order].forEach((tensor) => tensor!.dispose());
  }
  const [sorted, order, starts] = made;
  return { sorted: sorted!, order: order!, starts: starts! };
}

/** Which of the kernels: the first takes ids as they are, the last writes positions one after the other. */
interface Place {
  readonly first: boolean;
  readonly last: boolean;
}

function program({ first, last }: Place): Program {
  const eachId = (body: string) => `
  for (var step = 0u; step < uniforms.stretch; step += ${LOADS}u) {
    ${unrolled(LOADS, (i) => `let at${i} = (step + ${i}u) * ${WORKGROUP}u + local;\n    let key${i} = keyAt(step + ${i}u, at${i}, local);`)}
    ${unrolled(LOADS, (i) => `let digit${i} = select((key${i} >> uniforms.shift) & ${2 ** DIGIT_BITS - 1}u, ${2 ** DIGIT_BITS}u, key${i} == NONE);`)}
    ${body}
  }`;
  const position = (i: number) =>
    first
      ? `let position${i} = at${i};`
      : `var position${i} = 0u; if (digit${i} == workgroup.x) { position${i} = positions[at${i}]; }`;
  return {
    key: `sort-by-id/${first ? 'first' : 'later'}/${last ? 'last' : 'earlier'}`,
    wgsl: () => `
${bindings(
  first ? { ids: 'u32' } : { ids: 'u32', positions: 'u32' },
  { sorted: 'u32', order: 'u32', ...(last ? { starts: 'u32' } : {}) },
  'count: u32, stretch: u32, vocabulary: u32, shift: u32',
)}
const NONE = 0xffffffffu;
var<workgroup> counts: array<vec2<u32>, ${WORKGROUP}>;

/** Of an invocation's stretch the id at a step, or NONE behind the last. */
fn keyAt(step: u32, at: u32, local: u32) -> u32 {
  let exists = step < uniforms.stretch && ${first ? 'at' : 'local * uniforms.stretch + step'} < uniforms.count;
  let id = ids[select(0u, at, exists)];
  return select(NONE, ${first ? 'min(id, uniforms.vocabulary)' : 'id'}, exists);
}

/** Where the next position is written: at the next step of the same invocation's stretch, or at the first of the next one's. */
fn behind(place: u32) -> u32 {
  ${last ? 'return place + 1u;' : `let next = place + ${WORKGROUP}u; let all = uniforms.stretch * ${WORKGROUP}u; return select(next, next + 1u - all, next >= all);`}
}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  var own = 0u;
  var lower = 0u;
  ${eachId(unrolled(LOADS, (i) => `own += u32(digit${i} == workgroup.x);\n    lower += u32(digit${i} < workgroup.x);`))}
  counts[local] = vec2<u32>(own, lower);
  workgroupBarrier();
  for (var distance = 1u; distance < ${WORKGROUP}u; distance *= 2u) {
    var before = vec2<u32>();
    if (local >= distance) { before = counts[local - distance]; }
    workgroupBarrier();
    counts[local] += before;
    workgroupBarrier();
  }
  let all = counts[${WORKGROUP - 1}];
  let rank = all.y + counts[local].x - own;
  var to = ${last ? 'rank' : `rank % uniforms.stretch * ${WORKGROUP}u + rank / uniforms.stretch`};
  // Positions are all on their way before the first is needed.
  ${eachId(`
    ${unrolled(LOADS, position)}
    ${unrolled(
      LOADS,
      (i) => `if (digit${i} == workgroup.x) { sorted[to] = key${i}; order[to] = position${i}; to = behind(to); }`,
    )}`)}
  ${last ? LOOK_UP : ''}
}`,
  };
}

/** The first place of each of a workgroup's ids, by halving. */
const LOOK_UP = `
  storageBarrier();
  let firstId = workgroup.x << uniforms.shift;
  let lastId = min(firstId + ((1u << uniforms.shift) - 1u), uniforms.vocabulary);
  for (var id = firstId + local; id <= lastId; id += ${WORKGROUP}u) {
    var begin = all.y;
    var end = all.y + all.x;
    while (begin < end) {
      let middle = (begin + end) / 2u;
      if (sorted[middle] < id) { begin = middle + 1u; } else { end = middle; }
    }
    starts[id] = begin;
  }`;

export function samples(): Program[] {
  return [true, false].flatMap((first) => [true, false].map((last) => program({ first, last })));
}
