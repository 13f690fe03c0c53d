// A range of a matrix's columns, copied out of it or into it, f32 or packed f16, as words. One vector of four an invocation.
// Bytes: the range read and written once. Bound by memory.
import type * as tf from '#tfjs';
import { HALVES_PER_VECTOR } from './half-tensor.js';
import { operandOf } from './held.js';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, WORKGROUP, type Width } from './vectors.js';

/** x [..., C] -> its columns from `start` on, [..., count], packed where x is and both are whole vectors of eight */
export function columnsOf(x: tf.Tensor, start: number, count: number): tf.Tensor {
  const whole = [start, count].every((size) => size % HALVES_PER_VECTOR === 0);
  const { buffer, held } = whole ? operandOf(x) : { buffer: x, held: 'f32' };
  const packed = held === 'f16';
  const rows = x.size / x.shape.at(-1)!;
  const [columns, first, taken] = [x.shape.at(-1)!, start, count].map((size) => (packed ? size / 2 : size)) as [
    number,
    number,
    number,
  ];
  const width = widthFor(columns, first, taken);
  const items = rows * (taken / width);
  const [piece] = run({
    program: program('out', width),
    inputs: [buffer],
    outputs: [{ shape: [...x.shape.slice(0, -1), count], packed }],
    uniforms: [items, columns / width, first / width, taken / width],
    workgroups: workgroupsFor(items, WORKGROUP),
  });
  return piece;
}

/** Writes the piece [..., count] into the columns of x [..., C] from `start` on. */
export function placeColumns(piece: tf.Tensor, x: tf.Tensor, start: number): void {
  const [columns, count] = [x.shape.at(-1)!, piece.shape.at(-1)!];
  const width = widthFor(columns, start, count);
  run({
    program: program('in', width),
    inputs: [piece],
    outputs: [],
    updates: [x],
    uniforms: [piece.size / width, columns / width, start / width, count / width],
    workgroups: workgroupsFor(piece.size / width, WORKGROUP),
  });
}

function widthFor(...sizes: readonly number[]): Width {
  return sizes.every((size) => size % 4 === 0) ? 4 : 1;
}

function program(way: 'out' | 'in', width: Width): Program {
  const place = 'item / uniforms.width * uniforms.columns + uniforms.start + item % uniforms.width';
  return {
    key: `columns/${way}/${width}`,
    wgsl: () => `
alias words = ${width === 4 ? 'vec4<u32>' : 'u32'};
${bindings({ source: 'words' }, { destination: 'words' }, 'count: u32, columns: u32, start: u32, width: u32')}
${perItem(way === 'out' ? `destination[item] = source[${place}];` : `destination[${place}] = source[item];`)}`,
  };
}

export function samples(): Program[] {
  return (['out', 'in'] as const).flatMap((way) => [program(way, 4), program(way, 1)]);
}
