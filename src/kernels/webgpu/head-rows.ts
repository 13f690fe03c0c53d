// Rows of a tile of logits z [R, V], a workgroup a row.
// Scores: log p(target) = z[target] - log sum exp z, and whether the target is the argmax (the lowest id on ties), in one read.
// Each of 256 x 4 running sums holds every 1,024th element against the invocation's largest so far, and the sums are added as a
// tree, so that the tail of a vocabulary is not lost beside one large term (ops/head-log-probs.ts).
// Gradient: z becomes (softmax(z) - onehot(target)) * factor in place; the row is read twice, the second time from L2.
// Bytes: scores R V read; gradient R V read and written. Bound by memory, by L2's where the tile fits it.
import type * as tf from '#tfjs';
import { f32, run, workgroupsFor, type Program } from './runner.js';
import { bindings, realOf, unrolled, widthOf, WORKGROUP, type Width } from './vectors.js';

/** The rows of a tile of logits [R, V] that begin at row `start` of the targets [N] (int32) and of what is scored. */
export interface LogitRows {
  readonly logits: tf.Tensor2D;
  readonly targets: tf.Tensor1D;
  readonly start: number;
}

/** Writes the rows' places of scores [2, N]: log p(target) in nats, and below it 1 where the target is the argmax, else 0. */
export function scoreRows({ logits, targets, start }: LogitRows, scores: tf.Tensor2D): void {
  const [count, vocabulary] = logits.shape;
  const width = widthOf(vocabulary);
  run({
    program: scoresProgram(width),
    inputs: [logits, targets],
    outputs: [],
    updates: [scores],
    uniforms: [count, start, vocabulary, scores.shape[1]],
    workgroups: workgroupsFor(count, 1),
  });
}

/** Makes the logits (softmax(z) - onehot(target)) * factor, in place. */
export function crossEntropyRows({ logits, targets, start }: LogitRows, factor: number): void {
  const [count, vocabulary] = logits.shape;
  const width = widthOf(vocabulary);
  run({
    program: gradientProgram(width),
    inputs: [targets],
    outputs: [],
    updates: [logits],
    uniforms: [count, start, vocabulary, f32(factor)],
    workgroups: workgroupsFor(count, 1),
  });
}

/** The sum of exp over a row: [largest, sum of exp(z - largest)], of each invocation's part and then of all. */
function sumOfExponentials(width: Width): string {
  const zs = Array.from({ length: AT_ONCE }, (_, k) => `z${k}`);
  const largest = width === 4 ? 'max(max(z.x, z.y), max(z.z, z.w))' : 'z';
  return `
// Largest so far, and the sum of exp(z - largest).
var<workgroup> parts: array<vec2<f32>, ${WORKGROUP}>;

fn joined(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  let largest = max(a.x, b.x);
  return vec2(largest, a.y * exp(a.x - largest) + b.y * exp(b.x - largest));
}

struct Running { largest: f32, sum: real }

fn largestOf(z: real) -> f32 { return ${largest}; }

fn added(before: Running, ${zs.map((z) => `${z}: real`).join(', ')}) -> Running {
  let largest = max(before.largest, largestOf(${zs.reduce((rest, z) => `max(${rest}, ${z})`)}));
  return Running(largest, before.sum * exp(before.largest - largest) + (${zs.map((z) => `exp(${z} - largest)`).join(' + ')}));
}

fn ofAll(local: u32, own: Running) -> vec2<f32> {
  parts[local] = vec2(own.largest, total(own.sum));
  workgroupBarrier();
  for (var distance = ${WORKGROUP / 2}u; distance > 0u; distance /= 2u) {
    if (local < distance) { parts[local] = joined(parts[local], parts[local + distance]); }
    workgroupBarrier();
  }
  return parts[0];
}`;
}

const MAIN = `
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = workgroup.y * workgroups.x + workgroup.x;
  if (row >= uniforms.rows) { return; }
  let wanted = min(u32(targets[uniforms.start + row]), uniforms.vocabulary - 1u);`;

/** Less than any logit; its exponential beside one is 0. */
const LEAST = '-3e38';

/** Vectors that an invocation reads before it needs the first. */
const AT_ONCE = 4;

/** Goes through a row, AT_ONCE vectors z0, z1, ... of it at a time. */
function overRow(body: string): string {
  return `
  for (var i = local; i < width; i += ${AT_ONCE * WORKGROUP}u) {
    ${unrolled(
      AT_ONCE,
      (k) => `
    var z${k} = real(${LEAST});
    if (i + ${k * WORKGROUP}u < width) { z${k} = logits[first + i + ${k * WORKGROUP}u]; }`,
    )}
    ${body}
  }`;
}

const ADD = `own = added(own, ${Array.from({ length: AT_ONCE }, (_, k) => `z${k}`).join(', ')});`;

/** The ids of the tokens of a row's i-th vector. */
function idsOf(width: Width, i: string): string {
  return width === 4 ? `(vec4(4u * ${i}) + vec4(0u, 1u, 2u, 3u))` : i;
}

function scoresProgram(width: Width): Program {
  const vector = (value: string) => (width === 4 ? `vec4<${value}>` : value);
  const ids = (offset: number) => idsOf(width, `(i + ${offset}u)`);
  return {
    key: `head-rows/scores/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ logits: 'real', targets: 'i32' }, { scores: 'f32' }, 'rows: u32, start: u32, vocabulary: u32, all: u32')}
${sumOfExponentials(width)}
var<workgroup> beaten: array<u32, ${WORKGROUP}>;
${MAIN}
  let width = uniforms.vocabulary / ${width}u;
  let first = row * width;
  let ofWanted = logits[first + wanted / ${width}u]${width === 4 ? '[wanted % 4u]' : ''};
  var own = Running(${LEAST}, real(0.0));
  // Whether a logit is larger than the target's, or as large with a lower id.
  var above = ${vector('bool')}(false);
  ${overRow(`
    ${ADD}
    ${unrolled(AT_ONCE, (k) => `above = above | (z${k} > real(ofWanted)) | ((z${k} == real(ofWanted)) & (${ids(k * WORKGROUP)} < ${vector('u32')}(wanted)));`)}`)}
  beaten[local] = select(0u, 1u, ${width === 4 ? 'any(above)' : 'above'});
  let all = ofAll(local, own);
  if (local == 0u) {
    var others = 0u;
    for (var i = 0u; i < ${WORKGROUP}u; i++) { others |= beaten[i]; }
    scores[uniforms.start + row] = ofWanted - all.x - log(all.y);
    scores[uniforms.all + uniforms.start + row] = select(0.0, 1.0, others == 0u);
  }
}`,
  };
}

function gradientProgram(width: Width): Program {
  return {
    key: `head-rows/gradient/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ targets: 'i32' }, { logits: 'real' }, 'rows: u32, start: u32, vocabulary: u32, factor: f32')}
${sumOfExponentials(width)}
${MAIN}
  let width = uniforms.vocabulary / ${width}u;
  let first = row * width;
  var own = Running(${LEAST}, real(0.0));
  ${overRow(ADD)}
  let all = ofAll(local, own);
  let inverse = 1.0 / all.y;
  for (var i = local; i < width; i += ${WORKGROUP}u) {
    let p = exp(logits[first + i] - all.x) * inverse;
    let id = ${idsOf(width, 'i')};
    logits[first + i] = (p - select(real(0.0), real(1.0), id == ${width === 4 ? 'vec4(wanted)' : 'wanted'})) * uniforms.factor;
  }
}`,
  };
}

export function samples(): Program[] {
  return ([4, 1] as const).flatMap((width) => [scoresProgram(width), gradientProgram(width)]);
}
