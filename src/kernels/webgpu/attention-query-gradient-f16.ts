// Windowed attention, the gradient of the queries, f16 operands and f32 sums on tensor cores. Formula as in
// attention-query-gradient.ts. One workgroup: 64 queries of one head (48 in softmax) by the scheme of attention-tensor-cores.ts; q, dO and
// dq are in matrices, keys and values stream in tiles of 32 (16 where D > 64). dO must lie in the range of f16: scaling the loss is the trainer's.
// FLOPs: 6 D for each pair in reach. Bytes at best: q, k, v, dO, dq once each. Bound by waiting at barriers and by workgroup memory.
import { bindingsWgsl, float, LOG2_E } from './attention-sizes.js';
import type { AttentionConstants } from './attention-sizes.js';
import {
  addWeighted,
  declareFetched,
  declareSums,
  eachFour,
  fetchTile,
  fourOf,
  gradientTiling,
  laneWgsl,
  loadRows,
  multiplyByTile,
  putTile,
  putWeights,
  rowMemoryWgsl,
  SIGMOID_OF_VECTORS,
  sumsAt,
  TENSOR_CORE_HEADER,
  throughMemory,
  tilesWgsl,
  VECTORS_OF_SUMS,
  weightsMeetLogits,
} from './attention-tensor-cores.js';
import type { Program } from './runner.js';

/** As `attentionQueryGradient`. Workgroups: [T / gradientTiling.rows, N, B]. */
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
  const tiling = gradientTiling({ dim, activation });
  const { rows, tile, logits, dWeights } = tiling;
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
${tilesWgsl(tiling)}
${rowMemoryWgsl(tiling, logits)}
${rowMemoryWgsl(tiling, dWeights)}
${softmax ? '' : SIGMOID_OF_VECTORS}

@compute @workgroup_size(${tiling.threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) me: u32) {
  ${laneWgsl(tiling, dWeights)}
  let block = (groups.x - 1 - group.x) * ${rows};
  let before = sizes.keys - sizes.queries;
  let position = block + row + before;
  let queryHead = queryHeadAt(group.z, group.y);
  let keyHead = keyHeadAt(group.z, group.y / sizes.group);
  let slope = slopes[group.y] * ${float(LOG2_E)};
  let steps = slope * vec4f(0.0, 1.0, 2.0, 3.0);
  let end = min(block + ${rows}, sizes.queries) + before;
  ${softmax ? 'let statistic = statistics[(group.z * sizes.heads + group.y) * sizes.queries + min(block + row, sizes.queries - 1)];' : ''}
  ${loadRows(tiling, dWeights, 'q', 'q', { ...queries, scale: float(LOG2_E / Math.sqrt(dim)) })}
  ${loadRows(tiling, dWeights, 'dO', 'dO', { ...queries, scale: '1.0' })}
  ${declareSums(tiling, 'dQ')}
  ${declareFetched(tiling)}
  let first = firstKey(block);
  ${fetchTile(tiling, keys, 0, 'first')}
  ${fetchTile(tiling, keys, 1, 'first')}
  for (var s = first; s < end; s += ${tile}) {
    ${putTile(tiling, keys, 0)}
    ${putTile(tiling, keys, 1)}
    workgroupBarrier();
    ${fetchTile(tiling, keys, 0, `s + ${tile}`)}
    ${fetchTile(tiling, keys, 1, `s + ${tile}`)}
    ${multiplyByTile(tiling, logits, 'q', 0)}
    ${multiplyByTile(tiling, dWeights, 'dO', 1)}
    workgroupBarrier();
    let distance = f32(i32(position - s - column));
    ${eachFour(
      tiling,
      (g) => `let y${g} = ${fourOf(tiling, logits, g)} + (slope * (distance - ${float(4 * g)}) - steps);
    let dWeight${g} = ${fourOf(tiling, dWeights, g)};`,
    )}
    ${weightsMeetLogits(tiling, dWeights) ? 'workgroupBarrier();' : ''}
    if (s + ${tile - 1} <= block + before && end - 1 - s < sizes.window) {
      ${differentiate(false)}
    } else {
      ${differentiate(true)}
    }
    workgroupBarrier();
    ${addWeighted(tiling, 'dQ', dWeights, 0)}
    workgroupBarrier();
  }
  ${throughMemory(
    tiling,
    dWeights,
    'dQ',
    (d, n) => `if (block + row < sizes.queries) {
    ${VECTORS_OF_SUMS.map(
      (vector) =>
        `dQ[queryHead + (block + row) * sizes.queryToken + ${4 * d} + ${vector}] = dWeights_f32(${sumsAt(dWeights, n)}, ${vector}) * ${float(1 / Math.sqrt(dim))};`,
    ).join('\n')}
  }`,
  )}
}
`;

  /** The logits' gradients take the weights' gradients' place. */
  function differentiate(masked: boolean): string {
    return `${eachFour(tiling, (g) => {
      const dLogit = softmax
        ? `exp2(y${g} - statistic.x) * (dWeight${g} - statistic.y)`
        : `w${g} * (1.0 - w${g}) * dWeight${g}`;
      const inReach = `vec4u(position - (s + column + ${4 * g})) - vec4u(0, 1, 2, 3) < vec4u(sizes.window)`;
      return `${softmax ? '' : `let w${g} = sigmoid2x4(y${g});`}
      let dLogit${g} = ${masked ? `select(vec4f(), ${dLogit}, ${inReach})` : dLogit};`;
    })}
      ${putWeights(tiling, dWeights, (g) => `dLogit${g}`)}`;
  }
}
