// Windowed attention, forward, f16 operands and f32 sums on tensor cores. Formula as in attention-forward.ts.
// One workgroup: 128 queries of one head (64 where D > 64) by the scheme of attention-tensor-cores.ts; keys and values stream in
// tiles of 32 (16). Tiles that every query of the block reaches entirely go without a mask: 28 of 36 at window 1024.
// Softmax: weights are 2^(y - reference) with a reference of each row that follows its maximum only when that has grown by 2^8.
// In between the sums need no rescaling, for which they would have to leave their matrices at every tile; f16 holds weights
// up to 2^16. A tile at which some row's reference moves sends the sums through workgroup memory once and its logits are computed
// again. Two passes over the keys, the other way, cost 1.5 times the products.
// FLOPs: 4 D for each pair in reach, 1.12 times that at window 1024. Bytes at best: q, k, v, o once each; k and v come from
// the L2 cache 9 times. Bound by workgroup memory (12 bytes for a logit and its weight, 8 for operands) and by exp2.
import { bindingsWgsl, float, LOG2_E } from './attention-sizes.js';
import type { AttentionConstants, Epilogue } from './attention-sizes.js';
import {
  addWeighted,
  columnGroups,
  columnsOfGroup,
  declareFetched,
  declareSums,
  eachColumn,
  eachRow,
  fetchTiles,
  forwardTiling,
  laneWgsl,
  loadRows,
  loadSums,
  logitAt,
  multiplyByTile,
  putTiles,
  storeSums,
  TENSOR_CORE_HEADER,
  tileWgsl,
  weightAt,
} from './attention-tensor-cores.js';
import { unrolled } from './attention-sizes.js';
import type { Program } from './runner.js';

/** As `attentionForward`. Workgroups: [T / forwardBlock, N, B]. */
export function attentionForwardF16({ dim, activation }: AttentionConstants, epilogue: Epilogue): Program {
  return {
    key: `attention-forward-f16/${dim}/${activation}/${epilogue}`,
    wgsl: () => forwardWgsl({ dim, activation }, epilogue),
  };
}

export function samples(): Program[] {
  return [16, 64, 80, 128].flatMap((dim) => [
    attentionForwardF16({ dim, activation: 'sigmoid' }, 'output'),
    attentionForwardF16({ dim, activation: 'softmax' }, 'output'),
    attentionForwardF16({ dim, activation: 'softmax' }, 'statistics'),
  ]);
}

/** How far, as a power of two, a row's maximum may rise above its reference. */
const SLACK = 8;

function forwardWgsl({ dim, activation }: AttentionConstants, epilogue: Epilogue): string {
  const softmax = activation === 'softmax';
  const statistics = epilogue === 'statistics';
  const tiling = forwardTiling(dim);
  const { rows, tile, tileStride, logitStride, weightStride } = tiling;
  const tileSize = tile * tileStride;
  const keys = {
    tensors: ['k', 'v'],
    scale: '1.0',
    base: 'keyHead',
    token: 'sizes.keyToken',
    tokens: 'sizes.keys',
  } as const;
  const queries = {
    scale: float(LOG2_E / Math.sqrt(dim)),
    base: 'queryHead',
    token: 'sizes.queryToken',
    tokens: 'sizes.queries',
  };
  const logit = (i: number, j: number) =>
    `logits[${logitAt(tiling, i, j)}] + slope * (distance + ${float(8 * i - 4 * j)})`;
  const inReach = (i: number, j: number) => `position + ${8 * i} - (s + column + ${4 * j}) < sizes.window`;
  return /* wgsl */ `${TENSOR_CORE_HEADER}
${bindingsWgsl(
  { q: 'vec4f', k: 'vec4f', v: 'vec4f', slopes: 'f32', ...(statistics && { dO: 'vec4f' }) },
  statistics ? { statistics: 'vec2f' } : { o: 'vec4f' },
)}
${tileWgsl(tiling)}
var<workgroup> logits: array<f32, ${rows * logitStride}>;
var<workgroup> weights: array<f16, ${rows * weightStride}>;
${softmax ? '// The last tile, counted from one, at which a row found its reference too low. A whole vector: matrices are read from memory that\n// is aligned to 16 bytes, and drivers lay the variables of a workgroup out without gaps.\nvar<workgroup> risen: vec4u;' : ''}

@compute @workgroup_size(${tiling.threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) me: u32) {
  ${laneWgsl(tiling)}
  // The last queries have the longest rows where attention is full: they start first.
  let block = (groups.x - 1 - group.x) * ${rows};
  let before = sizes.keys - sizes.queries;
  let position = block + row + before;
  let queryHead = queryHeadAt(group.z, group.y);
  let keyHead = keyHeadAt(group.z, group.y / sizes.group);
  let slope = slopes[group.y] * ${float(LOG2_E)};
  let first = firstKey(block);
  let end = min(block + ${rows}, sizes.queries) + before;
  ${loadRows(tiling, 'q', 'q', queries)}
  ${declareSums(tiling, 'o')}
  ${softmax ? eachRow(tiling, (i) => `var reference${i} = -1e30; var total${i} = 0.0;`) : ''}
  ${declareFetched(tiling)}
  ${fetchTiles(tiling, keys, 'first')}
  ${putTiles(tiling, keys, '0u')}
  workgroupBarrier();
  var buffer = 0u;
  for (var s = first; s < end; s += ${tile}) {
    ${fetchTiles(tiling, keys, `s + ${tile}`)}
    ${multiplyByTile(tiling, 'logits', 'q', 'buffer')}
    workgroupBarrier();
    let distance = f32(i32(position - s - column));
    if (s + ${tile - 1} <= block + before && end - 1 - s < sizes.window) {
      ${weigh(false)}
    } else {
      ${weigh(true)}
    }
    ${putTiles(tiling, keys, `(${2 * tileSize} - buffer)`)}
    workgroupBarrier();
    ${addWeighted(tiling, 'o', 'weights', `buffer + ${tileSize}`)}
    buffer = ${2 * tileSize} - buffer;
  }
  workgroupBarrier();
  ${softmax ? eachRow(tiling, (i) => `total${i} += subgroupShuffleXor(total${i}, 1); total${i} += subgroupShuffleXor(total${i}, 2);`) : ''}
  ${statistics ? writeStatistics() : writeOutput()}
}
`;

  function weigh(masked: boolean): string {
    return softmax ? softmaxWeights(masked) : sigmoidWeights(masked);
  }

  function sigmoidWeights(masked: boolean): string {
    return eachRow(tiling, (i) =>
      eachColumn(tiling, (j) => {
        const weight = `sigmoid2(${logit(i, j)})`;
        const kept = masked ? `select(0.0, ${weight}, ${inReach(i, j)})` : weight;
        return `weights[${weightAt(tiling, i, j)}] = f16(${kept});`;
      }),
    );
  }

  function softmaxWeights(masked: boolean): string {
    const seen = (i: number, j: number) => (masked ? `select(-1e30, ${logit(i, j)}, ${inReach(i, j)})` : logit(i, j));
    return /* wgsl */ `var rises = false;
      ${eachRow(
        tiling,
        (i) => `var largest${i} = -1e30;
      ${eachColumn(tiling, (j) => `largest${i} = max(largest${i}, ${seen(i, j)});`)}
      largest${i} = max(largest${i}, subgroupShuffleXor(largest${i}, 1));
      largest${i} = max(largest${i}, subgroupShuffleXor(largest${i}, 2));
      rises = rises || largest${i} > reference${i} + ${float(SLACK)};`,
      )}
      if (rises) { risen = vec4u(s + 1); }
      if (workgroupUniformLoad(&risen).x == s + 1) {
        ${eachRow(
          tiling,
          (i) => `let next${i} = max(reference${i}, largest${i});
        let shrink${i} = exp2(reference${i} - next${i});
        reference${i} = next${i};
        total${i} *= shrink${i};`,
        )}
        ${columnGroups(tiling)
          .map(
            (first) => `${storeSums(tiling, 'logits', 'o', first)}
        workgroupBarrier();
        ${eachRow(tiling, (i) => unrolled(4 * columnsOfGroup(tiling, first), (j) => `logits[${logitAt(tiling, i, j)}] *= shrink${i};`))}
        workgroupBarrier();
        ${loadSums(tiling, 'logits', 'o', first)}
        workgroupBarrier();`,
          )
          .join('\n')}
        ${multiplyByTile(tiling, 'logits', 'q', 'buffer')}
        workgroupBarrier();
      }
      ${eachRow(tiling, (i) =>
        eachColumn(tiling, (j) => {
          const weight = `exp2(${logit(i, j)} - reference${i})`;
          const kept = masked ? `select(0.0, ${weight}, ${inReach(i, j)})` : weight;
          return `{ let w = ${kept}; total${i} += w; weights[${weightAt(tiling, i, j)}] = f16(w); }`;
        }),
      )}`;
  }

  /** Each lane writes one vector of four for each of its rows and each matrix: four lanes, 64 bytes of a row. */
  function eachVector(text: (i: number, vector: string, at: string) => string): string {
    return columnGroups(tiling)
      .map(
        (first) => `${storeSums(tiling, 'logits', 'o', first)}
  workgroupBarrier();
  ${eachRow(tiling, (i) =>
    unrolled(columnsOfGroup(tiling, first), (n) => {
      const at = `row * ${logitStride} + ${8 * i * logitStride + 16 * n} + 4 * column`;
      const vector = `vec4f(logits[${at}], logits[${at} + 1], logits[${at} + 2], logits[${at} + 3])`;
      const t = `block + row + ${8 * i}`;
      return `if (${t} < sizes.queries) { ${text(i, vector, `queryHead + (${t}) * sizes.queryToken + ${4 * (first + n)} + column`)} }`;
    }),
  )}
  workgroupBarrier();`,
      )
      .join('\n');
  }

  function writeOutput(): string {
    return eachVector((i, vector, at) => `o[${at}] = ${vector}${softmax ? ` / total${i}` : ''};`);
  }

  function writeStatistics(): string {
    return /* wgsl */ `${eachRow(tiling, (i) => `var dot${i} = 0.0;`)}
  ${eachVector((i, vector, at) => `dot${i} += dot(${vector}, dO[${at}]);`)}
  ${eachRow(
    tiling,
    (i) => `dot${i} += subgroupShuffleXor(dot${i}, 1);
  dot${i} += subgroupShuffleXor(dot${i}, 2);
  if (column == 0 && block + row + ${8 * i} < sizes.queries) {
    statistics[(group.z * sizes.heads + group.y) * sizes.queries + block + row + ${8 * i}] =
      vec2f(reference${i} + log2(total${i}), dot${i} / total${i});
  }`,
  )}`;
  }
}
