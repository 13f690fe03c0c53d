// Formulas without neighbours: each element of the outputs follows from the same element of the inputs. One vector of four an
// invocation. Bytes: each input read once, each output written once; bound by memory.
import * as tf from '#tfjs';
import { ACTIVATIONS } from './activations.js';
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

/** Inputs of one shape, in the formula's order -> its outputs, of that shape. */
export function elementwise(formula: Formula, ...inputs: readonly tf.TensorInfo[]): tf.Tensor[] {
  const { shape } = inputs[0]!;
  const size = tf.util.sizeFromShape(shape);
  const width = widthOf(size);
  return run({
    program: program(formula, width),
    inputs,
    outputs: FORMULAS[formula].outputs.map(() => ({ shape })),
    uniforms: [size / width],
    workgroups: workgroupsFor(size / width, WORKGROUP),
  });
}

function program(formula: Formula, width: Width): Program {
  const { inputs, outputs } = FORMULAS[formula];
  const reals = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'real']));
  return {
    key: `elementwise/${formula}/${width}`,
    wgsl: () => `
${realOf(width)}
${ACTIVATIONS}
${bindings(reals(inputs.map((name) => `${name}s`)), reals(outputs.map((_, i) => `output${i}`)), 'count: u32')}
${perItem(`
  ${inputs.map((name) => `let ${name} = ${name}s[item];`).join('\n  ')}
  ${outputs.map((formula, i) => `output${i}[item] = ${formula};`).join('\n  ')}`)}`,
  };
}

export function samples(): Program[] {
  return (Object.keys(FORMULAS) as Formula[]).flatMap((formula) => [program(formula, 4), program(formula, 1)]);
}
