// Causal depthwise convolution over K tokens (ops/short-convolution.ts), bias and SiLU included:
//   z[t, c] = bias[c] + sum over j of w[c, j] x[t - (K - 1) + j, c],   y = silu(z) or z
// Backward, with dz = dy silu'(z), z computed again:
//   dx[t] = sum over j of w[j] dz[t + K - 1 - j],   dw[j] = sum over t of dz[t] x[t - (K - 1) + j],   dbias = sum over t of dz[t]
// An invocation goes down a strip of tokens of one vector of four channels, the last K inputs (and dz) in registers, so that x is
// read once but for K - 1 tokens a strip; backward, which has registers for few invocations at a time, four tokens are loaded
// ahead of their use. dw and dbias leave a row of partial sums a workgroup; column-sums.ts adds them.
// Bytes: forward x read, y written; backward x, dy read, dx written. Bound by memory.
import type * as tf from '#tfjs';
import { ACTIVATIONS } from './activations.js';
import { columnSums } from './column-sums.js';
import { asHeld, asReal, boundAs, operandOf, packingWgsl, type Held } from './held.js';
import { run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, realOf, unrolled, widthOf, WORKGROUP, type Width } from './vectors.js';

export type ConvolutionActivation = 'silu' | 'none';

/** x [B, T, C], weight [C, 1, K], bias [C], state [B, K - 1, C] (zeros where there is none). */
export interface ConvolutionInputs {
  readonly x: tf.Tensor;
  readonly weight: tf.Tensor;
  readonly bias?: tf.Tensor;
  readonly state?: tf.Tensor;
}

const STRIP_FORWARD = 16;
const STRIP_BACKWARD = 32;
/** Tokens of x and dy that an invocation has in flight. */
const LOADS_BACKWARD = 4;

/** What a kernel's text depends on. */
interface Form {
  readonly channels: number;
  readonly taps: number;
  readonly activation: ConvolutionActivation;
  readonly bias: boolean;
  readonly state: boolean;
}

/** -> y [B, T, C], packed where x is */
export function convolve(inputs: ConvolutionInputs, activation: ConvolutionActivation): tf.Tensor3D {
  const { x, weight, bias, state } = inputs;
  const form = formOf(inputs, activation);
  const { buffer, held } = operandOf(x);
  const [y] = run({
    program: forwardProgram(form, held),
    inputs: [buffer, weight, bias, state].filter((tensor) => tensor !== undefined),
    outputs: [{ shape: x.shape, packed: held === 'f16' }],
    uniforms: [x.shape[1]!],
    workgroups: gridOf(form, x, STRIP_FORWARD),
  });
  return y as tf.Tensor3D;
}

/** dy [B, T, C] -> gradients of the inputs that there are. */
export function convolveGradient(
  inputs: ConvolutionInputs,
  activation: ConvolutionActivation,
  dy: tf.Tensor,
): ConvolutionInputs {
  const { x, weight, bias, state } = inputs;
  const form = formOf(inputs, activation);
  const grid = gridOf(form, x, STRIP_BACKWARD);
  const rows = grid[1] * grid[2];
  const usedBias = activation === 'silu' ? bias : undefined;
  const outputs = run({
    program: backwardProgram(form),
    inputs: [x, weight, usedBias, state, dy].filter((tensor) => tensor !== undefined),
    outputs: [
      { shape: x.shape },
      { shape: [rows, weight.size + (bias?.size ?? 0)] },
      ...(state === undefined ? [] : [{ shape: state.shape }]),
    ],
    uniforms: [x.shape[1]!],
    workgroups: grid,
  });
  const [dx, parts, dState] = outputs as [tf.Tensor, tf.Tensor, tf.Tensor | undefined];
  const dWeight = columnSums(parts, rows, 0, weight.shape);
  const dBias = bias && columnSums(parts, rows, weight.size, bias.shape);
  parts.dispose();
  return {
    ...{ x: dx, weight: dWeight },
    ...(dBias === undefined ? {} : { bias: dBias }),
    ...(dState === undefined ? {} : { state: dState }),
  };
}

/** The last K - 1 tokens of the state [B, K - 1, C] followed by x [B, T, C]. */
export function lastInputs(x: tf.Tensor, state: tf.Tensor): tf.Tensor3D {
  const [, before, channels] = state.shape as [number, number, number];
  const width = widthOf(channels);
  const count = state.size / width;
  const [last] = run({
    program: lastInputsProgram(width),
    inputs: [x, state],
    outputs: [{ shape: state.shape }],
    uniforms: [count, x.shape[1]!, before, channels / width],
    workgroups: workgroupsFor(count, WORKGROUP),
  });
  return last as tf.Tensor3D;
}

/** Of what `lastInputs` gives: to x and the state, zero but for the last K - 1 tokens. */
export function lastInputsGradient(x: tf.Tensor, dLast: tf.Tensor): { x: tf.Tensor3D; state: tf.Tensor3D } {
  const [, before, channels] = dLast.shape as [number, number, number];
  const width = widthOf(channels);
  const count = (dLast.size + x.size) / width;
  const [dX, dState] = run({
    program: lastInputsGradientProgram(width),
    inputs: [dLast],
    outputs: [{ shape: x.shape }, { shape: dLast.shape }],
    uniforms: [count, x.shape[1]!, before, channels / width],
    workgroups: workgroupsFor(count, WORKGROUP),
  });
  return { x: dX as tf.Tensor3D, state: dState as tf.Tensor3D };
}

function formOf({ x, weight, bias, state }: ConvolutionInputs, activation: ConvolutionActivation): Form {
  return {
    ...{ channels: x.shape[2]!, taps: weight.shape[2]!, activation },
    ...{ bias: bias !== undefined, state: state !== undefined },
  };
}

/** A workgroup is `lanes` neighbouring vectors of channels by `strips` neighbouring strips of tokens. */
function tilingOf({ channels }: Form): { width: Width; vectors: number; lanes: number; strips: number } {
  const width = widthOf(channels);
  const vectors = channels / width;
  const lanes = Math.min(64, 2 ** Math.ceil(Math.log2(vectors)));
  return { width, vectors, lanes, strips: WORKGROUP / lanes };
}

function gridOf(form: Form, x: tf.Tensor, strip: number): [number, number, number] {
  const { vectors, lanes, strips } = tilingOf(form);
  const [batch, length] = x.shape as [number, number];
  return [Math.ceil(vectors / lanes), Math.ceil(length / (strip * strips)), batch];
}

function keyOf(pass: string, { channels, taps, activation, bias, state }: Form): string {
  return `short-convolution/${pass}/${channels}/${taps}/${activation}/${bias ? 'bias' : '-'}/${state ? 'state' : '-'}`;
}

/** The text that both passes begin with: inputs by token, and the channel's taps. */
function head(form: Form, strip: number, held: Held = 'f32'): string {
  const { taps, bias, state, activation } = form;
  const { width, vectors, lanes, strips } = tilingOf(form);
  const before = taps - 1;
  const perChannel = (value: (channel: string) => string) =>
    width === 1 ? value('channel') : `vec4(${[0, 1, 2, 3].map((k) => value(`(4u * channel + ${k}u)`)).join(', ')})`;
  const stateRows = `if (token >= ${-before}) { return state[(row * ${before}u + u32(token + ${before})) * ${vectors}u + channel]; }`;
  return `
fn inputAt(row: u32, token: i32, channel: u32) -> real {
  if (token >= 0) {
    if (token >= i32(uniforms.length)) { return real(0.0); }
    return ${asReal(held, `x[(row * uniforms.length + u32(token)) * ${vectors}u + channel]`)};
  }
  ${state ? stateRows : ''}
  return real(0.0);
}

@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % ${lanes}u;
  let slot = local / ${lanes}u;
  let row = workgroup.z;
  let inside = workgroup.x * ${lanes}u + lane < ${vectors}u;
  let channel = min(workgroup.x * ${lanes}u + lane, ${vectors - 1}u);
  let length = i32(uniforms.length);
  let start = i32((workgroup.y * ${strips}u + slot) * ${strip}u);
  ${unrolled(taps, (j) => `let w${j} = ${perChannel((channel) => `weights[${channel} * ${taps}u + ${j}u]`)};`)}
  ${bias && activation === 'silu' ? 'let bias = biases[channel];' : ''}
  var x0 = real(0.0);
  ${unrolled(before, (j) => `var x${j + 1} = inputAt(row, start + ${j - before}, channel);`)}`;
}

/** x0 = x1; x1 = x2; ...; the last = value */
function shift(name: string, taps: number, value: string): string {
  return unrolled(taps, (j) => `${name}${j} = ${j === taps - 1 ? value : `${name}${j + 1}`};`);
}

function convolved(taps: number): string {
  return Array.from({ length: taps }, (_, j) => `w${j} * x${j}`).join(' + ');
}

function forwardProgram(form: Form, held: Held): Program {
  const { taps, activation, bias, state } = form;
  const reads = { x: boundAs(held), weights: 'f32', ...(bias && { biases: 'real' }), ...(state && { state: 'real' }) };
  const z = `${convolved(taps)}${bias ? (activation === 'silu' ? ' + bias' : ' + biases[channel]') : ''}`;
  return {
    key: `${keyOf('forward', form)}/${held}`,
    wgsl: () => `
${realOf(tilingOf(form).width)}
${packingWgsl(held)}
${activation === 'silu' ? ACTIVATIONS : ''}
${bindings(reads, { y: boundAs(held) }, 'length: u32')}
${head(form, STRIP_FORWARD, held)}
  for (var i = 0; i < ${STRIP_FORWARD}; i++) {
    let token = start + i;
    ${shift('x', taps, 'inputAt(row, token, channel)')}
    if (inside && token < length) {
      let z = ${z};
      y[(row * uniforms.length + u32(token)) * ${tilingOf(form).vectors}u + channel] = ${asHeld(held, activation === 'silu' ? 'silu(z)' : 'z')};
    }
  }
}`,
  };
}

function backwardProgram(form: Form): Program {
  const { taps, channels, activation, bias, state } = form;
  const { width, vectors, lanes, strips } = tilingOf(form);
  const before = taps - 1;
  const silu = activation === 'silu';
  const reads = {
    ...{ x: 'real', weights: 'f32' },
    ...(bias && silu && { biases: 'real' }),
    ...(state && { state: 'real' }),
    dys: 'real',
  };
  const writes = { dx: 'real', parts: 'f32', ...(state && { dstate: 'real' }) };
  const dz = silu ? `dyt * siluSlope(${convolved(taps)}${bias ? ' + bias' : ''})` : 'dyt';
  const dInput = Array.from({ length: taps }, (_, j) => `w${j} * d${before - j}`).join(' + ');
  const columns = (taps + Number(bias)) * channels;
  const element = (token: string) => `(row * uniforms.length + u32(${token})) * ${vectors}u + channel`;
  const loads = (count: number) =>
    unrolled(count, (k) => {
      const at = element(`min(first + ${k}, length - 1)`);
      return `let x${k}Next = x[${at}];\nlet dy${k}Next = dys[${at}];`;
    });
  // A token, and the gradient of the input K - 1 tokens ago, whose last dz is there now.
  const step = (k: number, reached: string, sums: string) => `{
      let token = first + ${k};
      ${shift('x', taps, `x${k}Next`)}
      ${shift('d', taps, 'real(0.0)')}
      if (token < length) {
        let dyt = dy${k}Next;
        d${before} = ${dz};
        ${sums}
      }
      let earlier = token - ${before};
      if (inside && ${reached} && earlier < length) { dx[${element('earlier')}] = ${dInput}; }
      ${state ? `if (inside && earlier < 0) { dstate[(row * ${before}u + u32(token)) * ${vectors}u + channel] = ${dInput}; }` : ''}
    }`;
  const sums = [
    ...Array.from({ length: taps }, (_, j) => `dw${j} += d${before} * x${j};`),
    ...(bias ? [`dbias += d${before};`] : []),
  ].join('\n');
  const gradients = [
    ...Array.from({ length: taps }, (_, j) => ({ name: `dw${j}`, column: (c: string) => `${c} * ${taps}u + ${j}u` })),
    ...(bias ? [{ name: 'dbias', column: (c: string) => `${channels * taps}u + ${c}` }] : []),
  ];
  const store = (column: (channel: string) => string) =>
    width === 1
      ? `parts[at + ${column('channel')}] = sum;`
      : unrolled(4, (k) => `parts[at + ${column(`(4u * channel + ${k}u)`)}] = sum[${k}];`);
  return {
    key: keyOf('backward', form),
    wgsl: () => `
${realOf(width)}
${silu ? ACTIVATIONS : ''}
${bindings(reads, writes, 'length: u32')}
var<workgroup> shares: array<real, ${WORKGROUP}>;
${head(form, STRIP_BACKWARD)}
  ${unrolled(taps, (j) => `var d${j} = real(0.0);\nvar dw${j} = real(0.0);`)}
  ${bias ? 'var dbias = real(0.0);' : ''}
  for (var i = 0; i < ${STRIP_BACKWARD}; i += ${LOADS_BACKWARD}) {
    let first = start + i;
    ${loads(LOADS_BACKWARD)}
    ${unrolled(LOADS_BACKWARD, (k) => step(k, `i >= ${before - k}`, sums))}
  }
  // The first K - 1 dz of the next strip, for the inputs before them.
  let first = start + ${STRIP_BACKWARD};
  ${loads(before)}
  ${unrolled(before, (k) => step(k, 'true', ''))}
  let at = (workgroup.z * workgroups.y + workgroup.y) * ${columns}u;
  ${gradients
    .map(
      ({ name, column }) => `
  shares[local] = ${name};
  workgroupBarrier();
  if (slot == 0u && inside) {
    var sum = shares[lane];
    for (var other = 1u; other < ${strips}u; other++) { sum += shares[other * ${lanes}u + lane]; }
    ${store(column)}
  }
  workgroupBarrier();`,
    )
    .join('\n')}
}`,
  };
}

function lastInputsProgram(width: Width): Program {
  return {
    key: `short-convolution/last-inputs/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ x: 'real', state: 'real' }, { last: 'real' }, 'count: u32, length: u32, before: u32, width: u32')}
${perItem(`
  let channel = item % uniforms.width;
  let row = item / uniforms.width / uniforms.before;
  let token = item / uniforms.width % uniforms.before + uniforms.length;
  if (token < uniforms.before) {
    last[item] = state[(row * uniforms.before + token) * uniforms.width + channel];
  } else {
    last[item] = x[(row * uniforms.length + token - uniforms.before) * uniforms.width + channel];
  }`)}`,
  };
}

function lastInputsGradientProgram(width: Width): Program {
  return {
    key: `short-convolution/last-inputs-gradient/${width}`,
    wgsl: () => `
${realOf(width)}
${bindings({ dLast: 'real' }, { dX: 'real', dState: 'real' }, 'count: u32, length: u32, before: u32, width: u32')}
${perItem(`
  let channel = item % uniforms.width;
  let all = uniforms.before + uniforms.length;
  let row = item / uniforms.width / all;
  let token = item / uniforms.width % all;
  var gradient = real();
  if (token >= uniforms.length) {
    gradient = dLast[(row * uniforms.before + token - uniforms.length) * uniforms.width + channel];
  }
  if (token < uniforms.before) {
    dState[(row * uniforms.before + token) * uniforms.width + channel] = gradient;
  } else {
    dX[(row * uniforms.length + token - uniforms.before) * uniforms.width + channel] = gradient;
  }`)}`,
  };
}

export function samples(): Program[] {
  const forms: Form[] = (['silu', 'none'] as const).flatMap((activation) =>
    [true, false].flatMap((bias) =>
      [true, false].flatMap((state) => [1024, 35].map((channels) => ({ channels, taps: 4, activation, bias, state }))),
    ),
  );
  return [
    ...forms.flatMap((form) => [forwardProgram(form, 'f32'), backwardProgram(form)]),
    ...forms.filter(({ channels }) => channels % 8 === 0).map((form) => forwardProgram(form, 'f16')),
    ...([4, 1] as const).flatMap((width) => [lastInputsProgram(width), lastInputsGradientProgram(width)]),
  ];
}
