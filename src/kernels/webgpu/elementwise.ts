// Formulas without neighbours: each element of the outputs follows from the same element of the inputs. One vector of four an
// invocation. Bytes: each input read once, each output written once; bound by memory.
import * as tf from '#tfjs';
import { ACTIVATIONS } from './activations.js';
import { asHeld, asReal, boundAs, operandOf, packingWgsl, type Held } from './held.js';
import { packsRows } from './half-tensor.js';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, realOf, widthOf, WORKGROUP, type Width } from './vectors.js';

/** Inputs by name, and the outputs as WGSL in them. */
const FORMULAS = {
  sum: { inputs: ['left', 'right'], outputs: ['left + right'] },
  silu: { inputs: ['x'], outputs: ['silu(x)'] },
  siluGradient: { inputs: ['x', 'dy'], outputs: ['dy * siluSlope(x)'] },
  gelu: { inputs: ['x'], outputs: ['gelu(x)'] },
  geluGradient: { inputs: ['x', 'dy'], outputs: ['dy * geluSlope(x)'] },
  softplus: { inputs: ['x'], outputs: ['softplus(x)'] },
  softplusGradient: { inputs: ['x', 'dy'], outputs: ['dy * sigmoid(x)'] },
  logSigmoid: { inputs: ['x'], outputs: ['-softplus(-x)'] },
  logSigmoidGradient: { inputs: ['x', 'dy'], outputs: ['dy * sigmoid(-x)'] },
  swiGlu: { inputs: ['gate', 'up'], outputs: ['silu(gate) * up'] },
  swiGluGradient: { inputs: ['gate', 'up', 'dy'], outputs: ['dy * up * siluSlope(gate)', 'dy * silu(gate)'] },
} as const satisfies Record<string, { readonly inputs: readonly string[]; readonly outputs: readonly string[] }>;

export type Formula = keyof typeof FORMULAS;

/** Inputs of one shape, in the formula's order -> its outputs, of that shape, packed where all inputs are or that is asked for. */
export function elementwise(formula: Formula, inputs: readonly tf.TensorInfo[], packs = false): tf.Tensor[] {
  const { shape } = inputs[0]!;
  const size = tf.util.sizeFromShape(shape);
  const width = widthOf(size);
  const operands = inputs.map(operandOf);
  const held = operands.map((operand) => operand.held);
  const packed = packsRows(shape) && (packs || held.every((form) => form === 'f16'));
  return run({
    program: program(formula, width, held, packed ? 'f16' : 'f32'),
    inputs: operands.map(({ buffer }) => buffer),
    outputs: FORMULAS[formula].outputs.map(() => ({ shape, packed })),
    uniforms: [size / width],
    workgroups: workgroupsFor(size / width, WORKGROUP),
  });
}

/** `held` as the inputs lie, `result` as the outputs; f16 only where the width is four. */
function program(formula: Formula, width: Width, held: readonly Held[], result: Held): Program {
  const { inputs, outputs } = FORMULAS[formula];
  const bound = (name: string, form: Held) => [name, boundAs(form)] as const;
  return {
    key: `elementwise/${formula}/${width}/${held.join('/')}/${result}`,
    wgsl: () => `
${realOf(width)}
${packingWgsl(...held, result)}
${ACTIVATIONS}
${bindings(
  Object.fromEntries(inputs.map((name, i) => bound(`${name}s`, held[i]!))),
  Object.fromEntries(outputs.map((_, i) => bound(`output${i}`, result))),
  'count: u32',
)}
${perItem(`
  ${inputs.map((name, i) => `let ${name} = ${asReal(held[i]!, `${name}s[item]`)};`).join('\n  ')}
  ${outputs.map((formula, i) => `output${i}[item] = ${asHeld(result, formula)};`).join('\n  ')}`)}`,
  };
}

export function samples(): Program[] {
  const all = (formula: Formula, held: Held) => FORMULAS[formula].inputs.map(() => held);
  return [
    ...(Object.keys(FORMULAS) as Formula[]).flatMap((formula) => [
      program(formula, 4, all(formula, 'f32'), 'f32'),
      program(formula, 1, all(formula, 'f32'), 'f32'),
      program(formula, 4, all(formula, 'f16'), 'f16'),
    ]),
    program('sum', 4, ['f32', 'f16'], 'f32'),
    program('swiGlu', 4, ['f16', 'f32'], 'f16'),
    program('swiGluGradient', 4, all('swiGluGradient', 'f32'), 'f16'),
  ];
}
