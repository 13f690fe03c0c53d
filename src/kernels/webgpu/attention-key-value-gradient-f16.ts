// Windowed attention, the gradients of the keys and values, f16 operands and f32 sums on tensor cores. Formula as in
// attention-key-value-gradient.ts. One workgroup: 64 keys of one head by the scheme of attention-tensor-cores.ts, so that logits lie
// transposed, keys by queries; k, v, dk and dv are in matrices, q and dO stream in tiles of 32 (16 where D > 64), the query
// heads of the group one after the other. dO must lie in the range of f16: scaling the loss is the trainer's.
// FLOPs: 8 D for each pair in reach. Bytes at best: q, k, v, dO, dk, dv once each. Bound by workgroup memory.
import { bindingsWgsl, float, LN_2, LOG2_E, unrolled } from './attention-sizes.js';
import type { AttentionConstants } from './attention-sizes.js';
import {
  addWeighted,
  columnGroups,
  columnsOfGroup,
  declareFetched,
  declareSums,
  eachColumn,
  eachRow,
  fetchTiles,
  gradientTiling,
  laneWgsl,
  loadRows,
  logitAt,
  multiplyByTile,
  putTiles,
  storeSums,
  TENSOR_CORE_HEADER,
  tileWgsl,
  weightAt,
} from './attention-tensor-cores.js';
import type { Program } from './runner.js';

/** As `attentionKeyValueGradient`. Workgroups: [S / GRADIENT_BLOCK, Nkv, B]. */
export function attentionKeyValueGradientF16({ dim, activation }: AttentionConstants): Program {
  return {
    key: `attention-key-value-gradient-f16/${dim}/${activation}`,
    wgsl: () => keyValueGradientWgsl({ dim, activation }),
  };
}

export function samples(): Program[] {
  return [16, 64, 80, 128].flatMap((dim) => [
    attentionKeyValueGradientF16({ dim, activation: 'sigmoid' }),
    attentionKeyValueGradientF16({ dim, activation: 'softmax' }),
  ]);
}

function keyValueGradientWgsl({ dim, activation }: AttentionConstants): string {
  const softmax = activation === 'softmax';
  const tiling = gradientTiling(dim);
  const { rows, tile, tileStride, logitStride, weightStride } = tiling;
  const tileSize = tile * tileStride;
  const queries = {
    tensors: ['q', 'dO'],
    scale: float(LOG2_E / Math.sqrt(dim)),
    base: 'queryHead',
    token: 'sizes.queryToken',
    tokens: 'sizes.queries',
  } as const;
  const keys = { scale: '1.0', base: 'keyHead', token: 'sizes.keyToken', tokens: 'sizes.keys' };
  return /* wgsl */ `${TENSOR_CORE_HEADER}
${bindingsWgsl(
  { q: 'vec4f', k: 'vec4f', v: 'vec4f', slopes: 'f32', dO: 'vec4f', ...(softmax && { statistics: 'vec2f' }) },
  { dK: 'vec4f', dV: 'vec4f' },
)}
${tileWgsl(tiling)}
var<workgroup> logits: array<f32, ${rows * logitStride}>;
var<workgroup> dWeights: array<f32, ${rows * logitStride}>;
var<workgroup> weights: array<f16, ${rows * weightStride}>;
var<workgroup> dLogits: array<f16, ${rows * weightStride}>;

@compute @workgroup_size(${tiling.threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  ${laneWgsl(tiling)}
  let block = group.x * ${rows};
  let before = sizes.keys - sizes.queries;
  let keyHead = keyHeadAt(group.z, group.y);
  ${loadRows(tiling, 'k', 'k', keys)}
  ${loadRows(tiling, 'v', 'v', keys)}
  ${declareSums(tiling, 'dK')}
  ${declareSums(tiling, 'dV')}
  ${declareFetched(tiling)}
  let first = firstQuery(block);
  let end = endOfQueries(block + ${rows - 1});
  for (var head = group.y * sizes.group; head < (group.y + 1) * sizes.group; head++) {
    let queryHead = queryHeadAt(group.z, head);
    let slope = slopes[head] * ${float(LOG2_E)};
    ${softmax ? 'let statisticsAt = (group.z * sizes.heads + head) * sizes.queries;' : ''}
    ${fetchTiles(tiling, queries, 'first')}
    workgroupBarrier();
    ${putTiles(tiling, queries, '0u')}
    workgroupBarrier();
    var buffer = 0u;
    for (var t = first; t < end; t += ${tile}) {
      ${fetchTiles(tiling, queries, `t + ${tile}`)}
      ${multiplyByTile(tiling, 'logits', 'k', 'buffer')}
      ${multiplyByTile(tiling, 'dWeights', 'v', `buffer + ${tileSize}`)}
      workgroupBarrier();
      let between = t + column + before - (block + row);
      let distance = f32(i32(between));
      if (t + before >= block + ${rows - 1} && t + ${tile - 1} + before - block < sizes.window && t + ${tile} <= end) {
        ${differentiate(false)}
      } else {
        ${differentiate(true)}
      }
      ${putTiles(tiling, queries, `(${2 * tileSize} - buffer)`)}
      workgroupBarrier();
      ${addWeighted(tiling, 'dV', 'weights', `buffer + ${tileSize}`)}
      ${addWeighted(tiling, 'dK', 'dLogits', 'buffer')}
      buffer = ${2 * tileSize} - buffer;
    }
  }
  workgroupBarrier();
  ${columnGroups(tiling)
    .map(
      (first) => `${storeSums(tiling, 'logits', 'dK', first)}
  ${storeSums(tiling, 'dWeights', 'dV', first)}
  workgroupBarrier();
  ${eachRow(tiling, (i) =>
    unrolled(columnsOfGroup(tiling, first), (n) => {
      const at = `row * ${logitStride} + ${8 * i * logitStride + 16 * n} + 4 * column`;
      const vector = (from: string) =>
        `vec4f(${from}[${at}], ${from}[${at} + 1], ${from}[${at} + 2], ${from}[${at} + 3])`;
      // The queries were scaled by log2(e) / sqrt(D).
      return `if (block + row + ${8 * i} < sizes.keys) {
    let at = keyHead + (block + row + ${8 * i}) * sizes.keyToken + ${4 * (first + n)} + column;
    dK[at] = ${vector('logits')} * ${float(LN_2)};
    dV[at] = ${vector('dWeights')};
  }`;
    }),
  )}
  workgroupBarrier();`,
    )
    .join('\n')}
}
`;

  function differentiate(masked: boolean): string {
    return eachColumn(
      tiling,
      (j) => `{
        ${softmax ? `let statistic = statistics[statisticsAt + min(t + column + ${4 * j}, sizes.queries - 1)];` : ''}
        ${masked ? `let inSequence = t + column + ${4 * j} < end;` : ''}
        ${eachRow(tiling, (i) => {
          const at = logitAt(tiling, i, j);
          const y = `logits[${at}] + slope * (distance + ${float(4 * j - 8 * i)})`;
          const weight = softmax ? `exp2(${y} - statistic.x)` : `sigmoid2(${y})`;
          const kept = masked
            ? `select(0.0, ${weight}, inSequence && between + ${4 * j} - ${8 * i} < sizes.window)`
            : weight;
          const dX = softmax ? `w * (dWeights[${at}] - statistic.y)` : `w * (1.0 - w) * dWeights[${at}]`;
          return `{
          let w = ${kept};
          weights[${weightAt(tiling, i, j)}] = f16(w);
          dLogits[${weightAt(tiling, i, j)}] = f16(${dX});
        }`;
        })}
      }`,
    );
  }
}
