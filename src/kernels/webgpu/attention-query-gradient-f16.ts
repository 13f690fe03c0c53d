// Windowed attention, the gradient of the queries, f16 operands and f32 sums on tensor cores. Formula as in
// attention-query-gradient.ts. One workgroup: 64 queries of one head by the scheme of attention-tensor-cores.ts; q, dO and dq are in
// matrices, keys and values stream in tiles of 32 (16 where D > 64). dO must lie in the range of f16: scaling the loss is the trainer's.
// FLOPs: 6 D for each pair in reach. Bytes at best: q, k, v, dO, dq once each. Bound by workgroup memory.
import { bindingsWgsl, float, LOG2_E, unrolled } from './attention-sizes.js';
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

/** As `attentionQueryGradient`. Workgroups: [T / GRADIENT_BLOCK, N, B]. */
export function attentionQueryGradientF16({ dim, activation }: AttentionConstants): Program {
  return {
    key: `attention-query-gradient-f16/${dim}/${activation}`,
    wgsl: () => queryGradientWgsl({ dim, activation }),
  };
}

export function samples(): Program[] {
  return [16, 64, 80, 128].flatMap((dim) => [
    attentionQueryGradientF16({ dim, activation: 'sigmoid' }),
    attentionQueryGradientF16({ dim, activation: 'softmax' }),
  ]);
}

function queryGradientWgsl({ dim, activation }: AttentionConstants): string {
  const softmax = activation === 'softmax';
  const tiling = gradientTiling(dim);
  const { rows, tile, tileStride, logitStride, weightStride } = tiling;
  const tileSize = tile * tileStride;
  const keys = {
    tensors: ['k', 'v'],
    scale: '1.0',
    base: 'keyHead',
    token: 'sizes.keyToken',
    tokens: 'sizes.keys',
  } as const;
  const queries = { base: 'queryHead', token: 'sizes.queryToken', tokens: 'sizes.queries' };
  return /* wgsl */ `${TENSOR_CORE_HEADER}
${bindingsWgsl(
  { q: 'vec4f', k: 'vec4f', v: 'vec4f', slopes: 'f32', dO: 'vec4f', ...(softmax && { statistics: 'vec2f' }) },
  { dQ: 'vec4f' },
)}
${tileWgsl(tiling)}
var<workgroup> logits: array<f32, ${rows * logitStride}>;
var<workgroup> dWeights: array<f32, ${rows * logitStride}>;
var<workgroup> dLogits: array<f16, ${rows * weightStride}>;

@compute @workgroup_size(${tiling.threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) me: u32) {
  ${laneWgsl(tiling)}
  let block = (groups.x - 1 - group.x) * ${rows};
  let before = sizes.keys - sizes.queries;
  let position = block + row + before;
  let queryHead = queryHeadAt(group.z, group.y);
  let keyHead = keyHeadAt(group.z, group.y / sizes.group);
  let slope = slopes[group.y] * ${float(LOG2_E)};
  let end = min(block + ${rows}, sizes.queries) + before;
  ${
    softmax
      ? eachRow(
          tiling,
          (i) =>
            `let statistic${i} = statistics[(group.z * sizes.heads + group.y) * sizes.queries + min(block + row + ${8 * i}, sizes.queries - 1)];`,
        )
      : ''
  }
  ${loadRows(tiling, 'q', 'q', { ...queries, scale: float(LOG2_E / Math.sqrt(dim)) })}
  ${loadRows(tiling, 'dO', 'dO', { ...queries, scale: '1.0' })}
  ${declareSums(tiling, 'dQ')}
  ${declareFetched(tiling)}
  let first = firstKey(block);
  ${fetchTiles(tiling, keys, 'first')}
  ${putTiles(tiling, keys, '0u')}
  workgroupBarrier();
  var buffer = 0u;
  for (var s = first; s < end; s += ${tile}) {
    ${fetchTiles(tiling, keys, `s + ${tile}`)}
    ${multiplyByTile(tiling, 'logits', 'q', 'buffer')}
    ${multiplyByTile(tiling, 'dWeights', 'dO', `buffer + ${tileSize}`)}
    workgroupBarrier();
    let distance = f32(i32(position - s - column));
    if (s + ${tile - 1} <= block + before && end - 1 - s < sizes.window) {
      ${differentiate(false)}
    } else {
      ${differentiate(true)}
    }
    ${putTiles(tiling, keys, `(${2 * tileSize} - buffer)`)}
    workgroupBarrier();
    ${addWeighted(tiling, 'dQ', 'dLogits', 'buffer')}
    buffer = ${2 * tileSize} - buffer;
  }
  workgroupBarrier();
  ${columnGroups(tiling)
    .map(
      (first) => `${storeSums(tiling, 'logits', 'dQ', first)}
  workgroupBarrier();
  ${eachRow(tiling, (i) =>
    unrolled(columnsOfGroup(tiling, first), (n) => {
      const at = `row * ${logitStride} + ${8 * i * logitStride + 16 * n} + 4 * column`;
      return `if (block + row + ${8 * i} < sizes.queries) {
    dQ[queryHead + (block + row + ${8 * i}) * sizes.queryToken + ${4 * (first + n)} + column] =
      vec4f(logits[${at}], logits[${at} + 1], logits[${at} + 2], logits[${at} + 3]) * ${float(1 / Math.sqrt(dim))};
  }`;
    }),
  )}
  workgroupBarrier();`,
    )
    .join('\n')}
}
`;

  function differentiate(masked: boolean): string {
    return eachRow(tiling, (i) =>
      eachColumn(tiling, (j) => {
        const at = logitAt(tiling, i, j);
        const y = `logits[${at}] + slope * (distance + ${float(8 * i - 4 * j)})`;
        const dX = softmax
          ? `exp2(${y} - statistic${i}.x) * (dWeights[${at}] - statistic${i}.y)`
          : `w * (1.0 - w) * dWeights[${at}]`;
        const kept = masked ? `select(0.0, ${dX}, position + ${8 * i} - (s + column + ${4 * j}) < sizes.window)` : dX;
        return `{ ${softmax ? '' : `let w = sigmoid2(${y}); `}dLogits[${weightAt(tiling, i, j)}] = f16(${kept}); }`;
      }),
    );
  }
}
