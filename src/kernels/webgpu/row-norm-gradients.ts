// Gradients of norms of rows (row-norms.ts). With e = dy w (silu(gate)) the gradient of u r:
//   du = r (e - u r^2 c sum(e u)),   dw = sum over rows of dy u r (silu(gate)),   dbias = sum over rows of dy
// Rows lie over the invocations as forwards. A workgroup's partial sums of dw and dbias are a row of [workgroups, D], which
// column-sums.ts adds. Bytes: x, dy (and gate) read, dx (and dgate) written. Bound by memory.
import type * as tf from '#tfjs';
import { ACTIVATIONS } from './activations.js';
import { columnSums } from './column-sums.js';
import {
  centre,
  has,
  inRow,
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
import { bindings, realOf, unrolled, WORKGROUP } from './vectors.js';

/** Workgroups that share the rows: few enough partial sums. */
const MOST_PARTIAL_SUMS = 512;
/** Vectors of a row that an invocation holds, where the row is long enough. */
const VECTORS = 2;

/** Gradients of the inputs that there are. */
export function rowNormGradient(norm: Norm, inputs: NormInputs, epsilon: number, dy: tf.Tensor): NormInputs {
  const { x, gate, weight, bias } = inputs;
  const rows = rowsOf(inputs);
  const tiling = tilingOf(rows.size, VECTORS);
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
  return norms.flatMap((norm) =>
    [63, 64, 96, 1024, 4096].map((size) => backwardProgram(norm, tilingOf(size, VECTORS))),
  );
}
