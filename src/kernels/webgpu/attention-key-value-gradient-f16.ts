// Windowed attention, the gradients of the keys and values, f16 operands and f32 sums on tensor cores. Formula as in
// attention-key-value-gradient.ts. One workgroup: 64 keys of one head (48 in softmax) by the scheme of attention-tensor-cores.ts, so that
// logits lie transposed, keys by queries; k, v, dk and dv are in matrices, q and dO stream in tiles of 32 (16 where D > 64), the query
// heads of the group one after the other. dO must lie in the range of f16: scaling the loss is the trainer's.
// FLOPs: 8 D for each pair in reach. Bytes at best: q, k, v, dO, dk, dv once each. Bound by waiting at barriers and by workgroup memory.
import { bindingsWgsl, float, LN_2, LOG2_E } from './attention-sizes.js';
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

/** As `attentionKeyValueGradient`. Workgroups: [S / gradientTiling.rows, Nkv, B]. */
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
  const tiling = gradientTiling({ dim, activation });
  const { rows, tile, logits, dWeights } = tiling;
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
${tilesWgsl(tiling)}
${rowMemoryWgsl(tiling, logits)}
${rowMemoryWgsl(tiling, dWeights)}
${softmax ? '' : SIGMOID_OF_VECTORS}

@compute @workgroup_size(${tiling.threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  ${laneWgsl(tiling, dWeights)}
  let block = group.x * ${rows};
  let before = sizes.keys - sizes.queries;
  let keyHead = keyHeadAt(group.z, group.y);
  ${loadRows(tiling, dWeights, 'k', 'k', keys)}
  ${loadRows(tiling, dWeights, 'v', 'v', keys)}
  ${declareSums(tiling, 'dK')}
  ${declareSums(tiling, 'dV')}
  ${declareFetched(tiling)}
  let first = firstQuery(block);
  let end = endOfQueries(block + ${rows - 1});
  for (var head = group.y * sizes.group; head < (group.y + 1) * sizes.group; head++) {
    let queryHead = queryHeadAt(group.z, head);
    let slope = slopes[head] * ${float(LOG2_E)};
    let steps = slope * vec4f(0.0, 1.0, 2.0, 3.0);
    ${softmax ? 'let statisticsAt = (group.z * sizes.heads + head) * sizes.queries;' : ''}
    ${fetchTile(tiling, queries, 0, 'first')}
    ${fetchTile(tiling, queries, 1, 'first')}
    for (var t = first; t < end; t += ${tile}) {
      ${putTile(tiling, queries, 0)}
      ${putTile(tiling, queries, 1)}
      workgroupBarrier();
      ${fetchTile(tiling, queries, 0, `t + ${tile}`)}
      ${fetchTile(tiling, queries, 1, `t + ${tile}`)}
      ${multiplyByTile(tiling, logits, 'k', 0)}
      ${multiplyByTile(tiling, dWeights, 'v', 1)}
      workgroupBarrier();
      let between = t + column + before - (block + row);
      let distance = f32(i32(between));
      ${eachFour(
        tiling,
        (g) => `let y${g} = ${fourOf(tiling, logits, g)} + (slope * (distance + ${float(4 * g)}) + steps);
      let dWeight${g} = ${fourOf(tiling, dWeights, g)};
      ${softmax ? statisticsOf(g) : ''}`,
      )}
      ${weightsMeetLogits(tiling, dWeights) ? 'workgroupBarrier();' : ''}
      if (t + before >= block + ${rows - 1} && t + ${tile - 1} + before - block < sizes.window && t + ${tile} <= end) {
        ${differentiate(false)}
      } else {
        ${differentiate(true)}
      }
      workgroupBarrier();
      ${addWeighted(tiling, 'dV', logits, 1)}
      ${addWeighted(tiling, 'dK', dWeights, 0)}
      workgroupBarrier();
    }
  }
  ${writeSums('dV', '')}
  // The queries were scaled by log2(e) / sqrt(D).
  ${writeSums('dK', ` * ${float(LN_2)}`)}
}
`;

  /** The log-sum-exps of four queries and their dO . o. */
  function statisticsOf(g: number): string {
    const of = (j: number) =>
      `let statistic${g}_${j} = statistics[statisticsAt + min(t + column + ${4 * g + j}, sizes.queries - 1)];`;
    const four = (part: string) => `vec4f(${[0, 1, 2, 3].map((j) => `statistic${g}_${j}.${part}`).join(', ')})`;
    return `${[0, 1, 2, 3].map(of).join('\n')}
      let sum${g} = ${four('x')};
      let mean${g} = ${four('y')};`;
  }

  /** Weights take the logits' place, the logits' gradients that of the weights' gradients. */
  function differentiate(masked: boolean): string {
    return `${eachFour(tiling, (g) => {
      const weight = softmax ? `exp2(y${g} - sum${g})` : `sigmoid2x4(y${g})`;
      const columns = 'vec4u(0, 1, 2, 3)';
      const kept = `(vec4u(t + column + ${4 * g}) + ${columns} < vec4u(end)) & (vec4u(between + ${4 * g}) + ${columns} < vec4u(sizes.window))`;
      return `let w${g} = ${masked ? `select(vec4f(), ${weight}, ${kept})` : weight};
        let dLogit${g} = w${g} * ${softmax ? `(dWeight${g} - mean${g})` : `(1.0 - w${g}) * dWeight${g}`};`;
    })}
        ${putWeights(tiling, logits, (g) => `w${g}`)}
        ${putWeights(tiling, dWeights, (g) => `dLogit${g}`)}`;
  }

  function writeSums(name: string, scale: string): string {
    return throughMemory(
      tiling,
      dWeights,
      name,
      (d, n) => `if (block + row < sizes.keys) {
    ${VECTORS_OF_SUMS.map(
      (vector) =>
        `${name}[keyHead + (block + row) * sizes.keyToken + ${4 * d} + ${vector}] = dWeights_f32(${sumsAt(dWeights, n)}, ${vector})${scale};`,
    ).join('\n')}
  }`,
    );
  }
}
