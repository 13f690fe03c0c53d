// Norms of rows: RMSNorm, gated after it or before, LayerNorm, and vectors of length one.
//   u = x | x silu(gate) | x - mean(x),   r = 1 / sqrt(c sum(u^2) + eps) with c = 1/D (c = 1 for the length),
//   y = u r w (+ bias) (* silu(gate))
// Backward, with e = dy w (silu(gate)) the gradient of u r:
//   du = r (e - u r^2 c sum(e u)),   dw = sum over rows of dy u r (silu(gate)),   dbias = sum over rows of dy
// A row is held in the registers of a run of neighbouring invocations, so that it is read once; a workgroup of 256 takes several
// rows at once and goes on over the rows. Its partial sums of dw and dbias are a row of [workgroups, D], which column-sums.ts adds.
// Bytes: forward x (and gate) read, y written; backward x, dy (and gate) read, dx (and dgate) written. Bound by memory.
import type * as tf from '#tfjs';
import { ACTIVATIONS } from './activations.js';
import { columnSums } from './column-sums.js';
import { asHeld, asReal, boundAs, operandOf, packingWgsl, type Held } from './held.js';
import { packsRows } from './half-tensor.js';
import { f32, run, type Program } from './runner.js';
import { bindings, realOf, rowSum, unrolled, widthOf, WORKGROUP, type Width } from './vectors.js';

/** `length` divides by the vector's length and has no weight; `layer` is centred and has a bias. */
export type Norm = 'rms' | 'gated-after' | 'gated-before' | 'length' | 'layer';

/** x, gate [..., D] or [..., G, D]; weight, bias [D] or [G, D]. Each where the norm has it. */
export interface NormInputs {
  readonly x: tf.Tensor;
  readonly gate?: tf.Tensor;
  readonly weight?: tf.Tensor;
  readonly bias?: tf.Tensor;
}

/** Workgroups that share the rows: enough to fill a large device several times over, few enough partial sums. */
const MOST_WORKGROUPS = 4096;
const MOST_PARTIAL_SUMS = 512;

/** -> y of x's shape, packed where x or the gate is, or where that is asked for. */
export function rowNorm(norm: Norm, inputs: NormInputs, epsilon: number, packs = false): tf.Tensor {
  const { weight, bias } = inputs;
  const x = operandOf(inputs.x);
  const gate = inputs.gate && operandOf(inputs.gate);
  const rows = rowsOf(inputs);
  const tiling = tilingOf(rows.size, VECTORS_FORWARD);
  const packed = packsRows(inputs.x.shape) && (packs || x.held === 'f16' || gate?.held === 'f16');
  const [y] = run({
    program: forwardProgram(norm, tiling, { x: x.held, gate: gate?.held ?? 'f32', y: packed ? 'f16' : 'f32' }),
    inputs: [x.buffer, gate?.buffer, weight, bias].filter((tensor) => tensor !== undefined),
    outputs: [{ shape: inputs.x.shape, packed }],
    uniforms: [rows.tokens, f32(epsilon)],
    workgroups: [Math.min(MOST_WORKGROUPS, Math.ceil(rows.tokens / tiling.rows)), rows.groups],
  });
  return y;
}

/** The sum of x and y, and its RMS norm, packed where that is asked for; x, y [..., D], weight [D]. */
export function rmsNormOfSum(
  { x, y, weight }: { readonly x: tf.Tensor; readonly y: tf.Tensor; readonly weight: tf.Tensor },
  epsilon: number,
  packs: boolean,
): readonly [sum: tf.Tensor, normed: tf.Tensor] {
  const rows = rowsOf({ x, weight });
  const tiling = tilingOf(rows.size, VECTORS_FORWARD);
  const added = operandOf(y);
  const packed = packs && packsRows(x.shape);
  const layout = { ...UNPACKED, added: added.held, y: packed ? 'f16' : 'f32' } as const;
  return run({
    program: forwardProgram('rms', tiling, layout),
    inputs: [x, added.buffer, weight],
    outputs: [{ shape: x.shape }, { shape: x.shape, packed }],
    uniforms: [rows.tokens, f32(epsilon)],
    workgroups: [Math.min(MOST_WORKGROUPS, Math.ceil(rows.tokens / tiling.rows)), rows.groups],
  });
}

/** Gradients of the inputs that there are. */
export function rowNormGradient(norm: Norm, inputs: NormInputs, epsilon: number, dy: tf.Tensor): NormInputs {
  const { x, gate, weight, bias } = inputs;
  const rows = rowsOf(inputs);
  const tiling = tilingOf(rows.size, VECTORS_BACKWARD);
  const workgroups = Math.min(MOST_PARTIAL_SUMS, Math.ceil(rows.tokens / tiling.rows));
  const partial = { shape: [workgroups, rows.groups * rows.size] };
  const outputs: readonly tf.Tensor[] = run({
    program: backwardProgram(norm, tiling),
    inputs: [x, gate, weight, dy].filter((tensor) => tensor !== undefined),
    outputs: [
      { shape: x.shape },
      ...(gate === undefined ? [] : [{ shape: gate.shape }]),
      ...(weight === undefined ? [] : [partial]),
      ...(bias === undefined ? [] : [partial]),
    ],
    uniforms: [rows.tokens, f32(epsilon)],
    workgroups: [workgroups, rows.groups],
  });
  const found = outputs.values();
  const next = () => found.next().value!;
  const summed = (shape: readonly number[]) => {
    const parts = next();
    const sums = columnSums(parts, workgroups, 0, shape);
    parts.dispose();
    return sums;
  };
  return {
    x: next(),
    ...(gate === undefined ? {} : { gate: next() }),
    ...(weight === undefined ? {} : { weight: summed(weight.shape) }),
    ...(bias === undefined ? {} : { bias: summed(bias.shape) }),
  };
}

/** A token has a row for each row of the weight. */
function rowsOf({ x, weight }: NormInputs): { size: number; groups: number; tokens: number } {
  const size = x.shape.at(-1)!;
  const groups = weight === undefined ? 1 : weight.size / size;
  return { size, groups, tokens: x.size / size / groups };
}

/** Vectors of a row that an invocation holds, where the row is long enough. */
const VECTORS_FORWARD = 4;
const VECTORS_BACKWARD = 2;

interface Tiling {
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

function tilingOf(size: number, each: number): Tiling {
  const width = widthOf(size);
  const vectors = size / width;
  const lanes = Math.min(WORKGROUP, 2 ** Math.ceil(Math.log2(Math.ceil(vectors / each))));
  return { size, width, vectors, lanes, rows: WORKGROUP / lanes, held: Math.ceil(vectors / lanes) };
}

const has = (norm: Norm) => ({
  gate: norm === 'gated-after' || norm === 'gated-before',
  weight: norm !== 'length',
  bias: norm === 'layer',
  centred: norm === 'layer',
});

function keyOf(norm: Norm, pass: string, { size, lanes }: Tiling): string {
  return `row-norm/${norm}/${pass}/${size}/${lanes}`;
}

/** The parts of both kernels: rows by `lanes` invocations, `body` for the tokens from `first` on, one a `slot`. */
function kernel(tiling: Tiling, sums: string, before: string, body: string, after: string): string {
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
function inRow({ lanes, vectors }: Tiling, i: number): string | null {
  return (i + 1) * lanes <= vectors ? null : `lane + ${i * lanes}u < ${vectors}u`;
}

/** var name0 = source[at + ...]; zeros behind the row's end */
function loadRow(tiling: Tiling, name: string, source: string, at: string, held: Held = 'f32'): string {
  return unrolled(tiling.held, (i) => {
    const inside = inRow(tiling, i);
    const value = asReal(held, `${source}[${at} + ${i * tiling.lanes}u]`);
    return inside === null
      ? `let ${name}${i} = ${value};`
      : `var ${name}${i} = real(0.0);\nif (${inside}) { ${name}${i} = ${value}; }`;
  });
}

function storeRow(tiling: Tiling, destination: string, value: (i: number) => string): string {
  return unrolled(tiling.held, (i) => {
    const inside = inRow(tiling, i);
    const condition = inside === null ? 'live' : `live && ${inside}`;
    return `if (${condition}) { ${destination}[at + ${i * tiling.lanes}u] = ${value(i)}; }`;
  });
}

/** a0 + a1 + ..., the invocation's own part of a row's sum. */
function own(tiling: Tiling, value: (i: number) => string): string {
  return Array.from({ length: tiling.held }, (_, i) => `total(${value(i)})`).join(' + ');
}

/** Centred values are zero behind the row's end, too. */
function centre(tiling: Tiling, mean: string): string {
  return unrolled(tiling.held, (i) => {
    const inside = inRow(tiling, i);
    const value = `x${i} - ${mean}`;
    return `let u${i} = ${inside === null ? value : `select(real(0.0), ${value}, ${inside})`};`;
  });
}

/** How inputs and output lie in memory; `added` where something is added to x ahead of the norm, and the sum is written, too. */
interface Layout {
  readonly x: Held;
  readonly added?: Held;
  readonly gate: Held;
  readonly y: Held;
}

const UNPACKED: Layout = { x: 'f32', gate: 'f32', y: 'f32' };

function forwardProgram(norm: Norm, tiling: Tiling, layout: Layout): Program {
  const { size, width, held } = tiling;
  const { gate, weight, bias, centred } = has(norm);
  const { added } = layout;
  const reads = {
    xs: boundAs(layout.x),
    ...(added && { addeds: boundAs(added) }),
    ...(gate && { gates: boundAs(layout.gate) }),
    ...(weight && { weights: 'real' }),
    ...(bias && { biases: 'real' }),
  };
  const u = () => {
    if (centred)
      return `let mean = rowSum(local, ${own(tiling, (i) => `x${i}`)}) / ${size}.0;\n${centre(tiling, 'mean')}`;
    return unrolled(held, (i) => `let u${i} = x${i}${norm === 'gated-before' ? ` * silu(gate${i})` : ''};`);
  };
  const y = (i: number) =>
    [`u${i} * r`, weight && ` * weight${i}`, bias && ` + bias${i}`, norm === 'gated-after' && ` * silu(gate${i})`]
      .filter(Boolean)
      .join('');
  return {
    key: `${keyOf(norm, 'forward', tiling)}/${layout.x}/${added}/${layout.gate}/${layout.y}`,
    wgsl: () => `
${realOf(width)}
${packingWgsl(layout.x, added ?? 'f32', layout.gate, layout.y)}
${gate ? ACTIVATIONS : ''}
${bindings(reads, { ...(added && { sums: 'real' }), ys: boundAs(layout.y) }, 'tokens: u32, epsilon: f32')}
${kernel(
  tiling,
  'f32',
  [weight && loadRow(tiling, 'weight', 'weights', 'column'), bias && loadRow(tiling, 'bias', 'biases', 'column')]
    .filter(Boolean)
    .join('\n'),
  `
  ${loadRow(tiling, added ? 'own' : 'x', 'xs', 'at', layout.x)}
  ${
    added
      ? `${loadRow(tiling, 'added', 'addeds', 'at', added)}
  ${unrolled(held, (i) => `let x${i} = own${i} + added${i};`)}
  ${storeRow(tiling, 'sums', (i) => `x${i}`)}`
      : ''
  }
  ${gate ? loadRow(tiling, 'gate', 'gates', 'at', layout.gate) : ''}
  ${u()}
  let squares = rowSum(local, ${own(tiling, (i) => `u${i} * u${i}`)});
  let r = inverseSqrt(squares * ${scaleOf(norm, size)} + uniforms.epsilon);
  ${storeRow(tiling, 'ys', (i) => asHeld(layout.y, y(i)))}`,
  '',
)}`,
  };
}

/** c */
function scaleOf(norm: Norm, size: number): string {
  return norm === 'length' ? '1.0' : `${1 / size}`;
}

function backwardProgram(norm: Norm, tiling: Tiling): Program {
  const { size, width, held } = tiling;
  const { gate, weight, bias, centred } = has(norm);
  const reads = { xs: 'real', ...(gate && { gates: 'real' }), ...(weight && { weights: 'real' }), dys: 'real' };
  const writes = {
    dxs: 'real',
    ...(gate && { dgates: 'real' }),
    ...(weight && { dweights: 'real' }),
    ...(bias && { dbiases: 'real' }),
  };
  const gated = (i: number) => {
    if (norm === 'gated-after') return `let dn${i} = dy${i} * silu(gate${i});`;
    return `let dn${i} = dy${i};`;
  };
  const u = () => {
    if (centred)
      return `
  let means = rowSum(local, vec2(${own(tiling, (i) => `x${i}`)}, ${own(tiling, (i) => `e${i}`)})) / ${size}.0;
  ${centre(tiling, 'means.x')}`;
    return unrolled(held, (i) => `let u${i} = x${i}${norm === 'gated-before' ? ` * silu(gate${i})` : ''};`);
  };
  const du = (i: number) => `r * (e${i}${centred ? ' - means.y' : ''} - u${i} * along)`;
  return {
    key: keyOf(norm, 'backward', tiling),
    wgsl: () => `
${realOf(width)}
${gate ? ACTIVATIONS : ''}
${bindings(reads, writes, 'tokens: u32, epsilon: f32')}
${weight ? `var<workgroup> shares: array<real, ${WORKGROUP}>;` : ''}
${kernel(
  tiling,
  'vec2<f32>',
  [
    weight && loadRow(tiling, 'weight', 'weights', 'column'),
    weight && unrolled(held, (i) => `var dweight${i} = real(0.0);`),
    bias && unrolled(held, (i) => `var dbias${i} = real(0.0);`),
  ]
    .filter(Boolean)
    .join('\n'),
  `
  ${loadRow(tiling, 'x', 'xs', 'at')}
  ${gate ? loadRow(tiling, 'gate', 'gates', 'at') : ''}
  ${loadRow(tiling, 'dy', 'dys', 'at')}
  ${unrolled(held, gated)}
  ${unrolled(held, (i) => `let e${i} = dn${i}${weight ? ` * weight${i}` : ''};`)}
  ${u()}
  let sums = rowSum(local, vec2(${own(tiling, (i) => `u${i} * u${i}`)}, ${own(tiling, (i) => `e${i} * u${i}`)}));
  let r = inverseSqrt(sums.x * ${scaleOf(norm, size)} + uniforms.epsilon);
  let along = r * r * ${scaleOf(norm, size)} * sums.y;
  ${storeRow(tiling, 'dxs', (i) => (norm === 'gated-before' ? `${du(i)} * silu(gate${i})` : du(i)))}
  ${norm === 'gated-before' ? storeRow(tiling, 'dgates', (i) => `${du(i)} * x${i} * siluSlope(gate${i})`) : ''}
  ${norm === 'gated-after' ? storeRow(tiling, 'dgates', (i) => `dy${i} * u${i} * r * weight${i} * siluSlope(gate${i})`) : ''}
  ${weight ? `if (live) {\n${unrolled(held, (i) => `dweight${i} += dn${i} * u${i} * r;`)}\n}` : ''}
  ${bias ? `if (live) {\n${unrolled(held, (i) => `dbias${i} += dy${i};`)}\n}` : ''}`,
  [weight && addSlots(tiling, 'dweight', 'dweights'), bias && addSlots(tiling, 'dbias', 'dbiases')]
    .filter(Boolean)
    .join('\n'),
)}`,
  };
}

/** The sum of a value over the rows that the workgroup held, its row of the partial sums. */
function addSlots(tiling: Tiling, name: string, destination: string): string {
  const { lanes, rows, vectors, held } = tiling;
  return unrolled(held, (i) => {
    const inside = inRow(tiling, i);
    return `
  shares[local] = ${name}${i};
  workgroupBarrier();
  if (slot == 0u${inside === null ? '' : ` && ${inside}`}) {
    var sum = shares[lane];
    for (var other = 1u; other < ${rows}u; other++) { sum += shares[other * ${lanes}u + lane]; }
    ${destination}[workgroup.x * workgroups.y * ${vectors}u + column + ${i * lanes}u] = sum;
  }
  workgroupBarrier();`;
  });
}

export function samples(): Program[] {
  const norms: Norm[] = ['rms', 'gated-after', 'gated-before', 'length', 'layer'];
  const packing = (norm: Norm, layout: Partial<Layout>) =>
    forwardProgram(norm, tilingOf(1024, VECTORS_FORWARD), { ...UNPACKED, ...layout, y: 'f16' });
  return [
    ...norms.flatMap((norm) =>
      [63, 64, 96, 1024, 4096].flatMap((size) => [
        forwardProgram(norm, tilingOf(size, VECTORS_FORWARD), UNPACKED),
        backwardProgram(norm, tilingOf(size, VECTORS_BACKWARD)),
      ]),
    ),
    packing('rms', {}),
    packing('rms', { added: 'f16' }),
    forwardProgram('rms', tilingOf(63, VECTORS_FORWARD), { ...UNPACKED, added: 'f32' }),
    packing('length', { x: 'f16' }),
    packing('gated-after', { gate: 'f16' }),
    packing('gated-before', { x: 'f16', gate: 'f16' }),
  ];
}
