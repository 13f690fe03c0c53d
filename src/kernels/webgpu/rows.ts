// Ranges of rows: copied from a larger matrix, or scaled and put into it or added to it, in place. One vector of four an invocation.
// Bytes: the range read and written once; where it is added the destination is read, too. Bound by memory.
import type * as tf from '#tfjs';
import { f32, run, uninitialised, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, realOf, widthOf, WORKGROUP, type Width } from './vectors.js';

/** What is written is multiplied with scalar * factor; the scalar is on the device. */
export interface Scale {
  readonly scalar: tf.Tensor;
  readonly factor: number;
}

/** x [R, C] -> its rows from `start` on, [count, C] */
export function rowsOf(x: tf.Tensor2D, start: number, count: number): tf.Tensor2D {
  const rows = uninitialised([count, x.shape[1]]) as tf.Tensor2D;
  move('copy', { from: x, first: start, to: rows, place: 0, count });
  return rows;
}

/** Writes rows [count, C] * scale into the matrix [R, C] from its row `start` on. */
export function placeRows(rows: tf.Tensor2D, matrix: tf.Tensor2D, start: number, scale: Scale): void {
  move('scale', { from: rows, first: 0, to: matrix, place: start, count: rows.shape[0], scale });
}

/** matrix += x * scale, of one shape */
export function addTo(matrix: tf.Tensor2D, x: tf.Tensor2D, scale: Scale): void {
  move('add', { from: x, first: 0, to: matrix, place: 0, count: x.shape[0], scale });
}

interface Move {
  readonly from: tf.Tensor2D;
  readonly first: number;
  readonly to: tf.Tensor2D;
  readonly place: number;
  /** Rows. */
  readonly count: number;
  readonly scale?: Scale;
}

function move(how: How, { from, first, to, place, count, scale }: Move): void {
  const columns = from.shape[1];
  const width = widthOf(columns);
  const perRow = columns / width;
  run({
    program: program(how, width),
    inputs: scale === undefined ? [from] : [from, scale.scalar],
    outputs: [],
    updates: [to],
    uniforms: [count * perRow, first * perRow, place * perRow, f32(scale?.factor ?? 1)],
    workgroups: workgroupsFor(count * perRow, WORKGROUP),
  });
}

type How = 'copy' | 'scale' | 'add';

const ASSIGNMENTS: Record<How, string> = {
  copy: '= source[uniforms.first + item]',
  scale: '= source[uniforms.first + item] * (scalar[0] * uniforms.factor)',
  add: '+= source[uniforms.first + item] * (scalar[0] * uniforms.factor)',
};

function program(how: How, width: Width): Program {
  const reads = { source: 'real', ...(how !== 'copy' && { scalar: 'f32' }) };
  return {
    key: `rows/${how}/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings(reads, { destination: 'real' }, 'count: u32, first: u32, place: u32, factor: f32')}
${perItem(`destination[uniforms.place + item] ${ASSIGNMENTS[how]};`)}`,
  };
}

export function samples(): Program[] {
  return (['copy', 'scale', 'add'] as const).flatMap((how) => [program(how, 4), program(how, 1)]);
}
