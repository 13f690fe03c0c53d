// Windowed attention of few queries (a token being generated), f32: the keys in reach are split over workgroups, so that one
// query keeps the whole device busy; a second kernel joins the parts. Formula as in attention-forward.ts.
// One workgroup: one query and one part of its keys, in tiles of 64. D / 4 threads share a key and each reads one vector of it, so
// that reads are whole rows; the values are fetched before the logits are known. With softmax a part is relative to its own
// largest logit. Bytes at best: k and v in reach once. Bound by memory, and by the latency of two dispatches for a single row.
import { bindingsWgsl, float, LOG2_E, unrolled } from './attention-sizes.js';
import type { AttentionConstants } from './attention-sizes.js';
import type { Program } from './runner.js';

const THREADS = 128;
const TILE = 64;
const MOST_PARTS = 64;
export const JOIN_THREADS = 64;

/** Into how many parts the keys are split, where a query reaches at most `reach` of them: one tile each, while they are few. */
export function decodeParts(reach: number): number {
  const keysPerPart = TILE * Math.ceil(reach / (TILE * MOST_PARTS));
  return Math.ceil(reach / keysPerPart);
}

/** The same rule in WGSL, where the window never exceeds the keys. */
const partsWgsl = /* wgsl */ `
fn keysPerPart() -> u32 { return ${TILE}u * ((sizes.window + ${TILE * MOST_PARTS - 1}) / ${TILE * MOST_PARTS}); }
`;

/** Inputs q, k, v, slopes; output the sums [B, N, T, parts, D], and for softmax their (largest, total). Workgroups: [parts, N T, B]. */
export function attentionDecode({ dim, activation }: AttentionConstants): Program {
  return { key: `attention-decode/${dim}/${activation}`, wgsl: () => decodeWgsl({ dim, activation }) };
}

/** Inputs the outputs of `attentionDecode`; output o [B, N, T, D]. Workgroups: [T D / 4 / JOIN_THREADS, N, B]. */
export function attentionJoin({ dim, activation }: AttentionConstants): Program {
  return { key: `attention-join/${dim}/${activation}`, wgsl: () => joinWgsl({ dim, activation }) };
}

export function samples(): Program[] {
  return [4, 64, 128].flatMap((dim) =>
    (['sigmoid', 'softmax'] as const).flatMap((activation) => [
      attentionDecode({ dim, activation }),
      attentionJoin({ dim, activation }),
    ]),
  );
}

/** How a part's query, keys and values are found. */
export interface PartReading {
  /** Bindings and functions. */
  readonly declarations: string;
  /** Statements that define `position` (the query's, among the keys), `head`, `keyHead`, `query` (one vector, in units of ln 2), and `first`. */
  readonly beginning: string;
  /** The vectors of lane `lane` of the key and the value of token `token`, which may lie behind the last. */
  readonly key: (token: string) => string;
  readonly value: (token: string) => string;
}

export const PART_THREADS = THREADS;

function decodeWgsl(constants: AttentionConstants): string {
  const { dim, activation } = constants;
  const row = (token: string) => `keyHead + min(${token}, sizes.keys - 1) * sizes.keyToken + lane`;
  return partWgsl(constants, {
    declarations: bindingsWgsl(
      { q: 'vec4f', k: 'vec4f', v: 'vec4f', slopes: 'f32' },
      { sums: 'vec4f', ...(activation === 'softmax' && { partStatistics: 'vec2f' }) },
    ),
    beginning: `
  let head = group.y / sizes.queries;
  let t = group.y % sizes.queries;
  let position = t + sizes.keys - sizes.queries;
  let keyHead = keyHeadAt(group.z, head / sizes.group);
  let query = q[queryHeadAt(group.z, head) + t * sizes.queryToken + lane] * ${float(LOG2_E / Math.sqrt(dim))};
  let first = firstKey(t) + group.x * keysPerPart();`,
    key: (token) => `k[${row(token)}]`,
    value: (token) => `v[${row(token)}]`,
  });
}

/** The kernel of one part: `slopes`, `sums` and, for softmax, `partStatistics` are among the declarations. */
export function partWgsl({ dim, activation }: AttentionConstants, reading: PartReading): string {
  const softmax = activation === 'softmax';
  const vectors = dim / 4;
  // Keys that the workgroup reads at once, and how often it must to have read a tile.
  const atOnce = Math.min(TILE, Math.floor(THREADS / vectors));
  const passes = Math.ceil(TILE / atOnce);
  const key = (pass: number) => `${pass * atOnce}u + mine`;
  return /* wgsl */ `
${reading.declarations}
${partsWgsl}
var<workgroup> shares: array<f32, ${TILE * (vectors + 1)}>;
var<workgroup> logits: array<f32, ${TILE}>;
var<workgroup> joined: array<vec4f, ${atOnce * vectors}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) me: u32) {
  let lane = me % ${vectors};
  let mine = me / ${vectors};
  ${reading.beginning}
  let slope = slopes[head] * ${float(LOG2_E)};
  let end = min(first + keysPerPart(), position + 1);
  var sum = vec4f();
  ${softmax ? 'var largest = -1e30;\n  var total = 0.0;' : ''}
  for (var s = first; s < end; s += ${TILE}) {
    ${unrolled(passes, (pass) => `let value${pass} = ${reading.value(`s + ${key(pass)}`)};`)}
    if (mine < ${atOnce}) {
      ${unrolled(passes, (pass) => {
        const store = `shares[(${key(pass)}) * ${vectors + 1} + lane] = dot(query, ${reading.key(`s + ${key(pass)}`)});`;
        return (pass + 1) * atOnce <= TILE ? store : `if (${key(pass)} < ${TILE}) { ${store} }`;
      })}
    }
    workgroupBarrier();
    if (me < ${TILE}) {
      var y = 0.0;
      for (var i = 0u; i < ${vectors}; i++) { y += shares[me * ${vectors + 1} + i]; }
      y += slope * f32(position - min(s + me, position));
      logits[me] = ${softmax ? 'select(-1e30, y, s + me < end)' : 'select(0.0, sigmoid2(y), s + me < end)'};
    }
    workgroupBarrier();
    ${
      softmax
        ? `var reached = largest;
    for (var j = 0u; j < ${TILE}; j++) { reached = max(reached, logits[j]); }
    let shrink = exp2(largest - reached);
    largest = reached;
    sum *= shrink;
    total *= shrink;
    for (var j = 0u; j < ${TILE}; j++) { total += exp2(logits[j] - largest); }`
        : ''
    }
    if (mine < ${atOnce}) {
      ${unrolled(passes, (pass) => {
        const weight = `logits[${key(pass)}]`;
        const add = `sum += ${softmax ? `exp2(${weight} - largest)` : weight} * value${pass};`;
        return (pass + 1) * atOnce <= TILE ? add : `if (${key(pass)} < ${TILE}) { ${add} }`;
      })}
    }
    // The next tile's shares and logits are written only when all have read these.
    workgroupBarrier();
  }
  if (mine < ${atOnce}) { joined[me] = sum; }
  workgroupBarrier();
  let part = (group.z * groups.y + group.y) * groups.x + group.x;
  if (me < ${vectors}) {
    for (var i = 1u; i < ${atOnce}; i++) { sum += joined[i * ${vectors} + me]; }
    sums[part * ${vectors} + me] = sum;
  }
  ${softmax ? 'if (me == 0) { partStatistics[part] = vec2f(largest, total); }' : ''}
}
`;
}

function joinWgsl({ dim, activation }: AttentionConstants): string {
  const softmax = activation === 'softmax';
  const vectors = dim / 4;
  return /* wgsl */ `
${bindingsWgsl({ sums: 'vec4f', ...(softmax && { partStatistics: 'vec2f' }) }, { o: 'vec4f' })}
${partsWgsl}

@compute @workgroup_size(${JOIN_THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let i = group.x * ${JOIN_THREADS} + me;
  let t = i / ${vectors};
  let lane = i % ${vectors};
  if (t >= sizes.queries) { return; }
  let parts = (sizes.window + keysPerPart() - 1) / keysPerPart();
  let first = ((group.z * sizes.heads + group.y) * sizes.queries + t) * parts;
  var sum = vec4f();
  ${
    softmax
      ? `var largest = -1e30;
  for (var part = first; part < first + parts; part++) { largest = max(largest, partStatistics[part].x); }
  var total = 0.0;
  for (var part = first; part < first + parts; part++) {
    let statistic = partStatistics[part];
    let scale = exp2(statistic.x - largest);
    total += scale * statistic.y;
    sum += scale * sums[part * ${vectors} + lane];
  }
  sum /= total;`
      : `for (var part = first; part < first + parts; part++) { sum += sums[part * ${vectors} + lane]; }`
  }
  o[queryHeadAt(group.z, group.y) + t * sizes.queryToken + lane] = sum;
}
`;
}
