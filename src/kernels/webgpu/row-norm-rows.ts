// What norms of rows (row-norms.ts) and their gradients share: which norm has what, how rows lie over the invocations, and the text that
// goes over the rows.
import type * as tf from '#tfjs';
import { asReal, type Held } from './held.js';
import { rowSum, unrolled, widthOf, WORKGROUP, type Width } from './vectors.js';

/** `length` divides by the vector's length and has no weight; `layer` is centred and has a bias. */
export type Norm = 'rms' | 'gated-after' | 'gated-before' | 'length' | 'layer';

/** x, gate [..., D] or [..., G, D]; weight, bias [D] or [G, D]. Each where the norm has it. */
export interface NormInputs {
  readonly x: tf.Tensor;
  readonly gate?: tf.Tensor;
  readonly weight?: tf.Tensor;
  readonly bias?: tf.Tensor;
}

/** A token has a row for each row of the weight. */
export function rowsOf({ x, weight }: NormInputs): { size: number; groups: number; tokens: number } {
  const size = x.shape.at(-1)!;
  const groups = weight === undefined ? 1 : weight.size / size;
  return { size, groups, tokens: x.size / size / groups };
}

export interface Tiling {
  /** Elements of a row. */
  readonly size: number;
  readonly width: Width;
  /** Vectors of a row. */
  readonly vectors: number;
  /** Neighbouring invocations that share a row, a power of two, and the rows that a workgroup holds at once. */
  readonly lanes: number;
  readonly rows: number;
  /** Vectors that an invocation holds. */
  readonly held: number;
}

export function tilingOf(size: number, each: number): Tiling {
  const width = widthOf(size);
  const vectors = size / width;
  const lanes = Math.min(WORKGROUP, 2 ** Math.ceil(Math.log2(Math.ceil(vectors / each))));
  return { size, width, vectors, lanes, rows: WORKGROUP / lanes, held: Math.ceil(vectors / lanes) };
}

export const has = (norm: Norm) => ({
  gate: norm === 'gated-after' || norm === 'gated-before',
  weight: norm !== 'length',
  bias: norm === 'layer',
  centred: norm === 'layer',
});

export function keyOf(norm: Norm, pass: string, { size, lanes }: Tiling): string {
  return `row-norm/${norm}/${pass}/${size}/${lanes}`;
}

/** The parts of both kernels: rows by `lanes` invocations, `body` for the tokens from `first` on, one a `slot`. */
export function kernel(tiling: Tiling, sums: string, before: string, body: string, after: string): string {
  const { lanes, rows, vectors } = tiling;
  return `
${rowSum(lanes, sums)}
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % ${lanes}u;
  let slot = local / ${lanes}u;
  let column = workgroup.y * ${vectors}u + lane;
  ${before}
  for (var first = workgroup.x * ${rows}u; first < uniforms.tokens; first += workgroups.x * ${rows}u) {
    // Behind the last token the last is computed again, and not written.
    let token = min(first + slot, uniforms.tokens - 1u);
    let live = first + slot < uniforms.tokens;
    let at = (token * workgroups.y + workgroup.y) * ${vectors}u + lane;
    ${body}
  }
  ${after}
}`;
}

/** Whether an invocation's i-th vector is in the row, as WGSL; null where it is for all. */
export function inRow({ lanes, vectors }: Tiling, i: number): string | null {
  return (i + 1) * lanes <= vectors ? null : `lane + ${i * lanes}u < ${vectors}u`;
}

/** var name0 = source[at + ...]; zeros behind the row's end */
export function loadRow(tiling: Tiling, name: string, source: string, at: string, held: Held = 'f32'): string {
  return unrolled(tiling.held, (i) => {
    const inside = inRow(tiling, i);
    const value = asReal(held, `${source}[${at} + ${i * tiling.lanes}u]`);
    return inside === null
      ? `let ${name}${i} = ${value};`
      : `var ${name}${i} = real(0.0);\nif (${inside}) { ${name}${i} = ${value}; }`;
  });
}

export function storeRow(tiling: Tiling, destination: string, value: (i: number) => string): string {
  return unrolled(tiling.held, (i) => {
    const inside = inRow(tiling, i);
    const condition = inside === null ? 'live' : `live && ${inside}`;
    return `if (${condition}) { ${destination}[at + ${i * tiling.lanes}u] = ${value(i)}; }`;
  });
}

/** a0 + a1 + ..., the invocation's own part of a row's sum. */
export function own(tiling: Tiling, value: (i: number) => string): string {
  return Array.from({ length: tiling.held }, (_, i) => `total(${value(i)})`).join(' + ');
}

/** Centred values are zero behind the row's end, too. */
export function centre(tiling: Tiling, mean: string): string {
  return unrolled(tiling.held, (i) => {
    const inside = inRow(tiling, i);
    const value = `x${i} - ${mean}`;
    return `let u${i} = ${inside === null ? value : `select(real(0.0), ${value}, ${inside})`};`;
  });
}

/** c */
export function scaleOf(norm: Norm, size: number): string {
  return norm === 'length' ? '1.0' : `${1 / size}`;
}
