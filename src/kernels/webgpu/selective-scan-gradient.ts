// The gradient of the selective scan. With g[t] the gradient of h[t] and p[t] = exp(dt[t] A) g[t],
//   g[t] = C[t] dy[t] + p[t + 1];   e[t] = p[t] h[t-1];   dA = sum over tokens of e[t] dt[t];   dinitial = p[0]
//   ddt[t] = sum over n of (e[t] A + g[t] B[t] x[t]);   dx[t] = dt[t] (sum over n of g[t] B[t]) + D dy[t]
//   dB[t] = sum over i of g[t] dt[t] x[t];   dC[t] = sum over i of h[t] dy[t];   dD = sum over tokens of dy[t] x[t]
// Segments of 64 tokens go in parallel, from h before and p behind each (selective-scan-segments.ts). An invocation has four states
// of a channel. It goes through its segment once, keeping every eighth h, then backwards in blocks of eight, whose h it computes
// again. What is summed over states or channels goes through workgroup memory token by token; sums over channels leave a part a
// workgroup, those over tokens a part a segment, and column-sums.ts adds the parts: all in a fixed order.
// Bytes: x, dt, dy, B, C read three times, dx, ddt written. Four exponentials and some 25 operations a token, channel and state:
// bound by these, and by the sums through workgroup memory.
import type * as tf from '#tfjs';
import { columnSums } from './column-sums.js';
import { deviceBackend, run, uninitialised, type Program } from './runner.js';
import { byStates, carryStates, LOG2_E, vectorsOf } from './selective-scan-segments.js';
import type { ScanInputs } from './selective-scan.js';
import { bindings, unrolled } from './vectors.js';

const SEGMENT = 64;
const BLOCK = 8;
/** Parts in which a sum over channels is taken. */
const SUMS = 8;
const STORAGE_BUFFERS = 12;

/** dY [B, T, I], dState [B, N, I] -> gradients of the inputs. */
export function scanGradient(
  { x, dt, a, b, c, d, initial }: ScanInputs,
  [dY, dState]: readonly [dY: tf.Tensor3D, dState: tf.Tensor3D],
): Record<keyof ScanInputs, tf.Tensor> {
  const [batch, length, channels] = x.shape;
  const states = a.shape[1];
  const segments = Math.ceil(length / SEGMENT);
  const boundaries = uninitialised([2, batch, segments, states, channels]);
  carryStates({ x, dt, a, b, start: initial }, { boundaries, part: 0 }, { segment: SEGMENT, backwards: false });
  const dInitial = carryStates(
    { x: dY, dt, a, b: c, start: dState },
    { boundaries, part: 1 },
    { segment: SEGMENT, backwards: true },
  );
  const blocks = Math.ceil(channels / tilingOf(states).channels);
  const [dX, dDt, byBlock, bySegment] = run({
    program: programOf(states),
    inputs: [x, dt, a, b, c, d, dY, boundaries],
    outputs: [
      { shape: x.shape },
      { shape: x.shape },
      { shape: [blocks, 2, batch, length, states] },
      { shape: [batch, segments, a.size + channels] },
    ],
    uniforms: [length, channels, segments, batch],
    workgroups: [blocks, segments, batch],
  });
  const gradients = {
    ...{ x: dX, dt: dDt, initial: dInitial! },
    a: columnSums(bySegment, batch * segments, 0, a.shape),
    d: columnSums(bySegment, batch * segments, a.size, d.shape),
    b: columnSums(byBlock, blocks, 0, b.shape),
    c: columnSums(byBlock, blocks, b.size, c.shape),
  };
  [boundaries, byBlock, bySegment].forEach((tensor) => tensor.dispose());
  return gradients;
}

/** Whether there is a kernel for so many states, and the device has what it needs. */
export function hasScanGradient(states: number): boolean {
  return states <= 128 && deviceBackend().device.limits.maxStorageBuffersPerShaderStage >= STORAGE_BUFFERS;
}

function tilingOf(states: number) {
  const vectors = vectorsOf(states);
  const channels = [64, 32, 16].find((channels) => channels * vectors <= 256) ?? 8;
  return { vectors, channels, invocations: vectors * channels };
}

function programOf(states: number): Program {
  const { vectors, channels, invocations } = tilingOf(states);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => byStates(name, states));
  const eachToken = (body: (k: number) => string) => unrolled(BLOCK, body);
  /** statement(k, n) for those of an invocation's four states that exist */
  const eachState = (statement: (k: number, n: string) => string) =>
    unrolled(4, (k) => {
      const text = statement(k, `(4u * vector + ${k}u)`);
      return states % 4 === 0 ? text : `if (4u * vector + ${k}u < ${states}u) { ${text} }`;
    });
  const loadTiles = (names: readonly string[]) => `
    workgroupBarrier();
    for (var at = local; at < ${BLOCK * vectors}u; at += ${invocations}u) {
      let source = row * uniforms.length + first + min(block * ${BLOCK}u + at / ${vectors}u, count - 1u);
      ${names.map((name) => `${name}Tile[at] = ${name}Of(source, at % ${vectors}u);`).join('\n      ')}
    }
    workgroupBarrier();`;
  const loadToken = (k: number) => `
      let exists${k} = inside && block * ${BLOCK}u + ${k}u < count;
      let at${k} = (row * uniforms.length + first + min(block * ${BLOCK}u + ${k}u, count - 1u)) * uniforms.channels + channel;
      let value${k} = x[at${k}];
      let step${k} = select(0.0, dt[at${k}], exists${k});`;
  const advance = (k: number, before: string) =>
    `decay${k} * ${before} + (step${k} * value${k}) * bTile[${k * vectors}u + vector]`;
  const boundary = (part: number) => `
  var ${part === 0 ? 'h' : 'p'} = vec4<f32>();
  if (inside) {
    let start = ((${part}u * uniforms.rows + row) * uniforms.segments + segment) * ${states}u;
    ${eachState((k, n) => `${part === 0 ? 'h' : 'p'}[${k}] = boundaries[(start + ${n}) * uniforms.channels + channel];`)}
  }`;
  return {
    key: `selective-scan-gradient/${states}`,
    wgsl: () => `
${bindings(
  {
    ...{ x: 'f32', dt: 'f32', a: a!.element, b: b!.element, c: c!.element, d: 'f32', dy: 'f32' },
    boundaries: 'f32',
  },
  { dx: 'f32', ddt: 'f32', byBlock: 'f32', bySegment: 'f32' },
  'length: u32, channels: u32, segments: u32, rows: u32',
)}
${[a, b, c].map((matrix) => matrix!.reader).join('\n')}
var<workgroup> bTile: array<vec4<f32>, ${BLOCK * vectors}>;
var<workgroup> cTile: array<vec4<f32>, ${BLOCK * vectors}>;
// Of one token: what each invocation adds to dB and dC, to the sum of g B and to that of e A.
var<workgroup> toB: array<vec4<f32>, ${invocations}>;
var<workgroup> toC: array<vec4<f32>, ${invocations}>;
var<workgroup> toInput: array<f32, ${invocations}>;
var<workgroup> toExponent: array<f32, ${invocations}>;
var<workgroup> sums: array<vec4<f32>, ${2 * vectors * SUMS}>;

@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let lane = local % ${channels}u;
  let vector = local / ${channels}u;
  let inside = workgroup.x * ${channels}u + lane < uniforms.channels;
  let channel = min(workgroup.x * ${channels}u + lane, uniforms.channels - 1u);
  let segment = workgroup.y;
  let row = workgroup.z;
  let first = segment * ${SEGMENT}u;
  let count = min(${SEGMENT}u, uniforms.length - first);
  let blocks = (count + ${BLOCK - 1}u) / ${BLOCK}u;
  let rate = aOf(channel, vector) * ${LOG2_E};
  let skip = d[channel];
  ${boundary(0)}
  ${boundary(1)}

  var starts: array<vec4<f32>, ${SEGMENT / BLOCK}>;
  for (var block = 0u; block < blocks; block++) {
    starts[block] = h;
    if (block + 1u < blocks) {
      ${loadTiles(['b'])}
      ${eachToken(loadToken)}
      ${eachToken((k) => `let decay${k} = exp2(step${k} * rate);\n      h = ${advance(k, 'h')};`)}
    }
  }

  var dA = vec4<f32>();
  var dD = 0.0;
  for (var block = blocks - 1u; block < blocks; block--) {
    ${loadTiles(['b', 'c'])}
    let h0 = starts[block];
    ${eachToken(
      (k) => `${loadToken(k)}
      let dy${k} = select(0.0, dy[at${k}], exists${k});
      let decay${k} = exp2(step${k} * rate);
      let h${k + 1} = ${advance(k, `h${k}`)};`,
    )}
    ${unrolled(BLOCK, (i) => {
      const k = BLOCK - 1 - i;
      return `{
      let g = cTile[${k * vectors}u + vector] * dy${k} + p;
      p = decay${k} * g;
      let e = p * h${k};
      dA += e * step${k};
      toB[local] = g * (step${k} * value${k});
      toC[local] = h${k + 1} * dy${k};
      toInput[local] = dot(g, bTile[${k * vectors}u + vector]);
      toExponent[local] = dot(e, rate);
      workgroupBarrier();
      if (vector == 0u && exists${k}) {
        var input = 0.0;
        var exponent = 0.0;
        for (var v = 0u; v < ${vectors}u; v++) {
          input += toInput[v * ${channels}u + lane];
          exponent += toExponent[v * ${channels}u + lane];
        }
        dx[at${k}] = input * step${k} + skip * dy${k};
        ddt[at${k}] = input * value${k} + exponent * ${1 / LOG2_E};
        dD += dy${k} * value${k};
      }
      // The invocations that are not busy with the sums over states take those over channels.
      for (var at = ${invocations - 1}u - local; at < ${2 * vectors * SUMS}u; at += ${invocations}u) {
        let start = at / ${SUMS}u % ${vectors}u * ${channels}u + at % ${SUMS}u;
        var sum = vec4<f32>();
        if (at < ${vectors * SUMS}u) {
          for (var i = 0u; i < ${channels}u; i += ${SUMS}u) { sum += toB[start + i]; }
        } else {
          for (var i = 0u; i < ${channels}u; i += ${SUMS}u) { sum += toC[start + i]; }
        }
        sums[at] = sum;
      }
      workgroupBarrier();
      if (block * ${BLOCK}u + ${k}u < count) {
        for (var at = local; at < ${2 * states}u; at += ${invocations}u) {
          let n = at % ${states}u;
          let start = (at / ${states}u * ${vectors}u + n / 4u) * ${SUMS}u;
          var sum = 0.0;
          for (var i = 0u; i < ${SUMS}u; i++) { sum += sums[start + i][n % 4u]; }
          let token = ((workgroup.x * 2u + at / ${states}u) * uniforms.rows + row) * uniforms.length + first;
          byBlock[(token + block * ${BLOCK}u + ${k}u) * ${states}u + n] = sum;
        }
      }
    }`;
    })}
  }
  if (inside) {
    let parts = (row * uniforms.segments + segment) * uniforms.channels * ${states + 1}u;
    ${eachState((k, n) => `bySegment[parts + channel * ${states}u + ${n}] = dA[${k}];`)}
    if (vector == 0u) { bySegment[parts + uniforms.channels * ${states}u + channel] = dD; }
  }
}`,
  };
}

export function samples(): Program[] {
  return [16, 7].map(programOf);
}
