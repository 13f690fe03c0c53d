// Ranges of rows: copied from or to a larger matrix, or added to it, in place. One vector of four an invocation.
// Bytes: the range read and written once; where it is added the destination is read, too. Bound by memory.
import type * as tf from '#tfjs';
import { run, uninitialised, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, realOf, widthOf, WORKGROUP, type Width } from './vectors.js';

/** x [R, C] -> its rows from `start` on, [count, C] */
export function rowsOf(x: tf.Tensor2D, start: number, count: number): tf.Tensor2D {
  const rows = uninitialised([count, x.shape[1]]) as tf.Tensor2D;
  move('copy', { from: x, first: start, to: rows, place: 0, count });
  return rows;
}

/** Writes rows [count, C] into the matrix [R, C] from its row `start` on. */
export function placeRows(rows: tf.Tensor2D, matrix: tf.Tensor2D, start: number): void {
  move('copy', { from: rows, first: 0, to: matrix, place: start, count: rows.shape[0] });
}

/** matrix += x, of one shape */
export function addTo(matrix: tf.Tensor2D, x: tf.Tensor2D): void {
  move('add', { from: x, first: 0, to: matrix, place: 0, count: x.shape[0] });
}

interface Move {
  readonly from: tf.Tensor2D;
  readonly first: number;
  readonly to: tf.Tensor2D;
  readonly place: number;
  /** Rows. */
  readonly count: number;
}

function move(how: How, { from, first, to, place, count }: Move): void {
  const columns = from.shape[1];
  const width = widthOf(columns);
  const perRow = columns / width;
  run({
    program: program(how, width),
    inputs: [from],
    outputs: [],
    updates: [to],
    uniforms: [count * perRow, first * perRow, place * perRow],
    workgroups: workgroupsFor(count * perRow, WORKGROUP),
  });
}

type How = 'copy' | 'add';

function program(how: How, width: Width): Program {
  return {
    key: `rows/${how}/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ source: 'real' }, { destination: 'real' }, 'count: u32, first: u32, place: u32')}
${perItem(`destination[uniforms.place + item] ${how === 'add' ? '+=' : '='} source[uniforms.first + item];`)}`,
  };
}

export function samples(): Program[] {
  return [program('copy', 4), program('copy', 1), program('add', 4), program('add', 1)];
}
