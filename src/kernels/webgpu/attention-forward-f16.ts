// Windowed attention, forward, f16 operands and f32 sums on tensor cores. Formula as in attention-forward.ts.
// One workgroup: 128 queries of one head (64 where D > 64) by the scheme of attention-tensor-cores.ts; keys and values stream in
// tiles of 32. Tiles that every query of the block reaches entirely go without a mask: 28 of 36 at window 1024.
// Softmax: weights are 2^(y - reference) with a reference of each row that follows its maximum only when that has grown by 2^8.
// In between the sums need no rescaling, for which they would have to leave their matrices at every tile; f16 holds weights
// up to 2^16. A tile at which some row's reference moves sends the sums through workgroup memory once. Two passes over the keys, the other way, cost 1.5 times the products.
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
  eachRow,
  fetchTile,
  forwardTiling,
  laneWgsl,
  loadRows,
  loadSums,
  multiplyByTile,
  putTile,
  storeSums,
  TENSOR_CORE_HEADER,
  tileWgsl,
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

/** As `sigmoid2`, of four. */
const SIGMOID_OF_VECTORS = /* wgsl */ `
fn sigmoid2x4(y: vec4f) -> vec4f {
  let root = inverseSqrt(1.0 + exp2(min(-y, vec4f(100.0))));
  return root * root;
}`;

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
  /** The halves of the eight columns of a lane. */
  const halves = [0, 1];
  const inReach = (i: number, half: number) =>
    `vec4u(position + ${8 * i} - (s + 8 * column + ${4 * half})) - vec4u(0, 1, 2, 3) < vec4u(sizes.window)`;
  return /* wgsl */ `${TENSOR_CORE_HEADER}
${bindingsWgsl(
  { q: 'vec4f', k: 'vec4f', v: 'vec4f', slopes: 'f32', ...(statistics && { dO: 'vec4f' }) },
  statistics ? { statistics: 'vec2f' } : { o: 'vec4f' },
)}
${tileWgsl(tiling)}
var<workgroup> logits: array<vec4f, ${rows * logitStride}>;
var<workgroup> weights: array<vec4u, ${rows * weightStride}>;
${softmax ? '// The last tile, counted from one, at which a row found its reference too low. A whole vector: matrices are read from memory that\n// is aligned to 16 bytes, and drivers lay the variables of a workgroup out without gaps.\nvar<workgroup> risen: vec4u;' : ''}
${softmax ? '' : SIGMOID_OF_VECTORS}
fn logitsAt(at: u32) -> vec4f {
  return logits[at];
}
fn scaleLogits(at: u32, x: f32) {
  logits[at] *= x;
}
fn putWeights(at: u32, x: vec4f, y: vec4f) {
  weights[at] = vec4u(bitcast<vec2u>(vec4<f16>(x)), bitcast<vec2u>(vec4<f16>(y)));
}

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
  let steps = slope * vec4f(0.0, 1.0, 2.0, 3.0);
  let first = firstKey(block);
  let end = min(block + ${rows}, sizes.queries) + before;
  ${loadRows(tiling, 'q', 'q', queries)}
  ${declareSums(tiling, 'o')}
  ${softmax ? eachRow(tiling, (i) => `var reference${i} = -1e30; var total${i} = 0.0;`) : ''}
  ${declareFetched(tiling)}
  ${fetchTile(tiling, keys, 0, 'first')}
  ${fetchTile(tiling, keys, 1, 'first')}
  ${putTile(tiling, keys, 0, '0u')}
  ${fetchTile(tiling, keys, 0, `first + ${tile}`)}
  workgroupBarrier();
  // While tile s is worked on, its values and the keys of the next one go to their places, and those behind are on their way.
  for (var s = first; s < end; s += ${tile}) {
    ${multiplyByTile(tiling, 'logits', 'q', '0u')}
    workgroupBarrier();
    ${putTile(tiling, keys, 1, `${tileSize}u`)}
    ${putTile(tiling, keys, 0, '0u')}
    ${fetchTile(tiling, keys, 1, `s + ${tile}`)}
    ${fetchTile(tiling, keys, 0, `s + ${2 * tile}`)}
    let distance = f32(i32(position - s - 8 * column));
    ${eachRow(tiling, (i) => halves.map((half) => `let y${i}_${half} = logitsAt(logitAt + ${8 * i * logitStride + half}) + (slope * (distance + ${float(8 * i - 4 * half)}) - steps);`).join('\n'))}
    if (s + ${tile - 1} <= block + before && end - 1 - s < sizes.window) {
      ${weigh(false)}
    } else {
      ${weigh(true)}
    }
    workgroupBarrier();
    ${addWeighted(tiling, 'o', 'weights', `${tileSize}u`)}
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
    return eachRow(tiling, (i) => {
      const [low, high] = halves.map((half) => kept(`sigmoid2x4(y${i}_${half})`, i, half, masked));
      return `putWeights(${weightsAt(i)}, ${low}, ${high});`;
    });
  }

  function weightsAt(i: number): string {
    return `weightAt + ${8 * i * weightStride}`;
  }

  /** What lies out of reach has the weight 0. */
  function kept(weight: string, i: number, half: number, masked: boolean): string {
    return masked ? `select(vec4f(), ${weight}, ${inReach(i, half)})` : weight;
  }

  function softmaxWeights(masked: boolean): string {
    const seen = (i: number, half: number) =>
      masked ? `select(vec4f(-1e30), y${i}_${half}, ${inReach(i, half)})` : `y${i}_${half}`;
    return /* wgsl */ `var rises = false;
      ${eachRow(
        tiling,
        (i) => `let larger${i} = max(${seen(i, 0)}, ${seen(i, 1)});
      var largest${i} = max(max(larger${i}.x, larger${i}.y), max(larger${i}.z, larger${i}.w));
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
        ${eachRow(tiling, (i) => unrolled(columnsOfGroup(tiling, first), (n) => `scaleLogits(${sumsAt(i, n)}, shrink${i});`))}
        workgroupBarrier();
        ${loadSums(tiling, 'logits', 'o', first)}
        workgroupBarrier();`,
          )
          .join('\n')}
      }
      ${eachRow(
        tiling,
        (i) => `{
        let low = ${kept(`exp2(y${i}_0 - reference${i})`, i, 0, masked)};
        let high = ${kept(`exp2(y${i}_1 - reference${i})`, i, 1, masked)};
        total${i} += dot(low + high, vec4f(1.0));
        putWeights(${weightsAt(i)}, low, high);
      }`,
      )}`;
  }

  /** Where the vector of this lane lies in matrix n of the sums that went to the logits' memory. */
  function sumsAt(i: number, n: number): string {
    return `row * ${logitStride} + ${8 * i * logitStride + 4 * n} + column`;
  }

  /** Each lane writes one vector of four for each of its rows and each matrix: four lanes, 64 bytes of a row. */
  function eachVector(text: (i: number, vector: string, at: string) => string): string {
    return columnGroups(tiling)
      .map(
        (first) => `${storeSums(tiling, 'logits', 'o', first)}
  workgroupBarrier();
  ${eachRow(tiling, (i) =>
    unrolled(columnsOfGroup(tiling, first), (n) => {
      const vector = `logitsAt(${sumsAt(i, n)})`;
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
