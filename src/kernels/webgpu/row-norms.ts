// Norms of rows: RMSNorm, gated after it or before, LayerNorm, and vectors of length one.
//   u = x | x silu(gate) | x - mean(x),   r = 1 / sqrt(c sum(u^2) + eps) with c = 1/D (c = 1 for the length),
//   y = u r w (+ bias) (* silu(gate))
// A row is held in the registers of a run of neighbouring invocations, so that it is read once; a workgroup of 256 takes several
// rows at once and goes on over the rows.
// Bytes: x (and gate) read, y written. Bound by memory.
import type * as tf from '#tfjs';
import { ACTIVATIONS } from './activations.js';
import { packsRows } from './half-tensor.js';
import { asHeld, boundAs, operandOf, packingWgsl, type Held } from './held.js';
import {
  centre,
  has,
  kernel,
  keyOf,
  loadRow,
  own,
  rowsOf,
  scaleOf,
  storeRow,
  tilingOf,
  type Norm,
  type NormInputs,
  type Tiling,
} from './row-norm-rows.js';
import { f32, run, type Program } from './runner.js';
import { bindings, realOf, unrolled } from './vectors.js';

/** Workgroups that share the rows: enough to fill a large device several times over. */
const MOST_WORKGROUPS = 4096;
/** Vectors of a row that an invocation holds, where the row is long enough. */
const VECTORS = 4;

/** -> y of x's shape, packed where x or the gate is, or where that is asked for. */
export function rowNorm(norm: Norm, inputs: NormInputs, epsilon: number, packs = false): tf.Tensor {
  const { weight, bias } = inputs;
  const x = operandOf(inputs.x);
  const gate = inputs.gate && operandOf(inputs.gate);
  const rows = rowsOf(inputs);
  const tiling = tilingOf(rows.size, VECTORS);
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
  const tiling = tilingOf(rows.size, VECTORS);
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

export function samples(): Program[] {
  const norms: Norm[] = ['rms', 'gated-after', 'gated-before', 'length', 'layer'];
  const packing = (norm: Norm, layout: Partial<Layout>) =>
    forwardProgram(norm, tilingOf(1024, VECTORS), { ...UNPACKED, ...layout, y: 'f16' });
  return [
    ...norms.flatMap((norm) =>
      [63, 64, 96, 1024, 4096].map((size) => forwardProgram(norm, tilingOf(size, VECTORS), UNPACKED)),
    ),
    packing('rms', {}),
    packing('rms', { added: 'f16' }),
    forwardProgram('rms', tilingOf(63, VECTORS), { ...UNPACKED, added: 'f32' }),
    packing('length', { x: 'f16' }),
    packing('gated-after', { gate: 'f16' }),
    packing('gated-before', { x: 'f16', gate: 'f16' }),
  ];
}
