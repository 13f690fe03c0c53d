// softplus(x + bias), the bias [C] added to every row of x [..., C] (ops/softplus.ts), and its gradient:
//   dx = dy sigmoid(x + bias),   dbias = sum over rows of dx
// One vector of four an invocation; the rows are summed in two stages (column-sums.ts).
// Bytes: x (and dy) read, the output written, and for dbias read once more. Bound by memory.
import type * as tf from '#tfjs';
import { ACTIVATIONS } from './activations.js';
import { columnSums } from './column-sums.js';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, realOf, widthOf, WORKGROUP, type Width } from './vectors.js';

/** Parts of the rows whose sums are taken at once, at most. */
const PARTS = 64;

/** -> of x's shape */
export function biasedSoftplus(x: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return compute('forward', [x, bias]);
}

export function biasedSoftplusGradient(
  x: tf.Tensor,
  bias: tf.Tensor,
  dy: tf.Tensor,
): { x: tf.Tensor; bias: tf.Tensor } {
  const dX = compute('gradient', [x, bias, dy]);
  const rows = x.size / bias.size;
  let parts = PARTS;
  while (rows % parts !== 0) parts /= 2;
  const partSums = columnSums(dX, rows / parts, 0, [parts, bias.size]);
  const dBias = columnSums(partSums, parts, 0, bias.shape);
  partSums.dispose();
  return { x: dX, bias: dBias };
}

function compute(pass: Pass, inputs: readonly [x: tf.Tensor, bias: tf.Tensor, dy?: tf.Tensor]): tf.Tensor {
  const [x, bias] = inputs;
  const width = widthOf(bias.size);
  const [output] = run({
    program: program(pass, width),
    inputs: inputs as readonly tf.Tensor[],
    outputs: [{ shape: x.shape }],
    uniforms: [x.size / width, bias.size / width],
    workgroups: workgroupsFor(x.size / width, WORKGROUP),
  });
  return output;
}

type Pass = 'forward' | 'gradient';

function program(pass: Pass, width: Width): Program {
  const reads = { x: 'real', bias: 'real', ...(pass === 'gradient' && { dy: 'real' }) };
  const z = 'x[item] + bias[item % uniforms.columns]';
  return {
    key: `biased-softplus/${pass}/${width}`,
    wgsl: () => `
${realOf(width)}
${ACTIVATIONS}
${bindings(reads, { output: 'real' }, 'count: u32, columns: u32')}
${perItem(`output[item] = ${pass === 'forward' ? `softplus(${z})` : `dy[item] * sigmoid(${z})`};`)}`,
  };
}

export function samples(): Program[] {
  return (['forward', 'gradient'] as const).flatMap((pass) => [program(pass, 4), program(pass, 1)]);
}
