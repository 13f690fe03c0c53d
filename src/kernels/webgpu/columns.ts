// A range of a matrix's columns, copied out of it or into it. One vector of four an invocation.
// Bytes: the range read and written once. Bound by memory.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, realOf, WORKGROUP, type Width } from './vectors.js';

/** x [..., C] -> its columns from `start` on, [..., count] */
export function columnsOf(x: tf.Tensor, start: number, count: number): tf.Tensor {
  const columns = x.shape.at(-1)!;
  const width = widthFor(columns, start, count);
  const items = (x.size / columns) * (count / width);
  const [piece] = run({
    program: program('out', width),
    inputs: [x],
    outputs: [{ shape: [...x.shape.slice(0, -1), count] }],
    uniforms: [items, columns / width, start / width, count / width],
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
${realOf(width)}
${bindings({ source: 'real' }, { destination: 'real' }, 'count: u32, columns: u32, start: u32, width: u32')}
${perItem(way === 'out' ? `destination[item] = source[${place}];` : `destination[${place}] = source[item];`)}`,
  };
}

export function samples(): Program[] {
  return (['out', 'in'] as const).flatMap((way) => [program(way, 4), program(way, 1)]);
}
