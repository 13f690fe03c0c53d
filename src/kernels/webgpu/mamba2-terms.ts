// The terms around Mamba2's recurrence, with the channels' heads moved on the way:
//   v = dt x, from tokens to heads;   y = o + D x, from heads to tokens.
// One vector of four an invocation. Bytes: x (and o) read, the result written; bound by memory.
import type * as tf from '#tfjs';
import { asHeld, asReal, boundAs, operandOf, packingWgsl, type Held } from './held.js';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, realOf, WORKGROUP } from './vectors.js';

type Term = 'stepped' | 'skipped' | 'skipped-by-head';

/** x [B, T, N, P], step [B, T, N] -> dt x [B, N, T, P], packed where x is; P divides by four */
export function steppedValues(x: tf.Tensor4D, step: tf.Tensor3D): tf.Tensor4D {
  const [batch, length, heads, dim] = x.shape;
  return term('stepped', x, [step], [batch, heads, length, dim]);
}

/** o [B, N, T, P], x [B, T, N, P], d [N, P] or [N, 1] -> o + D x [B, T, N, P], packed where x is; P divides by four */
export function skippedOutputs(o: tf.Tensor4D, x: tf.Tensor4D, d: tf.Tensor2D): tf.Tensor4D {
  return term(d.shape[1] === 1 ? 'skipped-by-head' : 'skipped', x, [d, o], x.shape);
}

function term(name: Term, x: tf.Tensor4D, others: readonly tf.Tensor[], shape: readonly number[]): tf.Tensor4D {
  const [, length, heads, dim] = x.shape;
  const { buffer, held } = operandOf(x);
  const count = x.size / 4;
  const [result] = run({
    program: program(name, held),
    inputs: [buffer, ...others],
    outputs: [{ shape, packed: held === 'f16' }],
    uniforms: [count, length, heads, dim / 4],
    workgroups: workgroupsFor(count, WORKGROUP),
  });
  return result as tf.Tensor4D;
}

function program(name: Term, held: Held): Program {
  // Of a vector, first in the order of heads, then in that of tokens.
  const [outer, inner] = name === 'stepped' ? ['heads', 'length'] : ['length', 'heads'];
  const there = `((row * uniforms.${inner} + second) * uniforms.${outer} + first) * uniforms.width + column`;
  const result = {
    stepped: `${asReal(held, `x[${there}]`)} * steps[(row * uniforms.length + second) * uniforms.heads + first]`,
    skipped: `o[${there}] + d[second * uniforms.width + column] * ${asReal(held, 'x[item]')}`,
    'skipped-by-head': `o[${there}] + d[second] * ${asReal(held, 'x[item]')}`,
  }[name];
  const others = {
    stepped: { steps: 'f32' },
    skipped: { d: 'real', o: 'real' },
    'skipped-by-head': { d: 'f32', o: 'real' },
  }[name];
  return {
    key: `mamba2-terms/${name}/${held}`,
    wgsl: () => `
${realOf(4)}
${packingWgsl(held)}
${bindings({ x: boundAs(held), ...others }, { y: boundAs(held) }, 'count: u32, length: u32, heads: u32, width: u32')}
${perItem(`
  let column = item % uniforms.width;
  let second = item / uniforms.width % uniforms.${inner};
  let first = item / (uniforms.width * uniforms.${inner}) % uniforms.${outer};
  let row = item / (uniforms.width * uniforms.${inner} * uniforms.${outer});
  y[item] = ${asHeld(held, result)};`)}`,
  };
}

export function samples(): Program[] {
  const terms = ['stepped', 'skipped', 'skipped-by-head'] as const;
  return terms.flatMap((name) => [program(name, 'f32'), program(name, 'f16')]);
}
