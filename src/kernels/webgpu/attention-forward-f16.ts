// Windowed attention, forward, f16 operands and f32 sums on tensor cores. Formula as in attention-forward.ts.
// One workgroup: up to 128 queries of one head by the scheme of attention-tensor-cores.ts; keys and values stream in tiles of 32
// (softmax with D > 64: 16). Tiles that every query of the block reaches entirely go without a mask: 28 of 36 at window 1024.
// Softmax: weights are 2^(y - reference) with a reference of each row that follows its maximum only when that has grown by 2^8.
// In between the sums need no rescaling, for which they would have to leave their matrices at every tile; f16 holds weights
// up to 2^16. A tile at which some row's reference moves sends the sums through workgroup memory once. Two passes over the keys,
// the other way, cost 1.5 times the products.
// FLOPs: 4 D for each pair in reach, 1.12 times that at window 1024. Bytes at best: q, k, v, o once each; k and v come from
// the L2 cache 9 times. Bound by waiting at barriers and by workgroup memory (8 bytes for a logit and its weight, 12 in softmax; 8
// for operands).
import { bindingsWgsl, float, LOG2_E, UNPACKED } from './attention-sizes.js';
import type { AttentionConstants, AttentionPacking, Epilogue } from './attention-sizes.js';
import {
  addWeighted,
  declareFetched,
  declareSums,
  eachFour,
  fetchTile,
  forwardTiling,
  fourOf,
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
} from './attention-tensor-cores.js';
import type { Program } from './runner.js';

/** As `attentionForward`. Workgroups: [T / forwardTiling.rows, N, B]. */
export function attentionForwardF16(
  { dim, activation }: AttentionConstants,
  epilogue: Epilogue,
  packing: AttentionPacking = UNPACKED,
): Program {
  const packed = packing.queries ? (packing.keys ? 'packed' : 'packed-queries') : packing.keys ? 'packed-keys' : '';
  return {
    key: `attention-forward-f16/${dim}/${activation}/${epilogue}/${packed}`,
    wgsl: () => forwardWgsl({ dim, activation }, epilogue, packing),
  };
}

export function samples(): Program[] {
  return [16, 64, 80, 128].flatMap((dim) => [
    attentionForwardF16({ dim, activation: 'sigmoid' }, 'output'),
    attentionForwardF16({ dim, activation: 'softmax' }, 'output'),
    attentionForwardF16({ dim, activation: 'softmax' }, 'statistics'),
    attentionForwardF16({ dim, activation: 'sigmoid' }, 'output', { queries: true, keys: true }),
    attentionForwardF16({ dim, activation: 'softmax' }, 'output', { queries: true, keys: false }),
  ]);
}

/** How far, as a power of two, a row's maximum may rise above its reference. */
const SLACK = 8;

function forwardWgsl({ dim, activation }: AttentionConstants, epilogue: Epilogue, packing: AttentionPacking): string {
  const softmax = activation === 'softmax';
  const statistics = epilogue === 'statistics';
  const tiling = forwardTiling({ dim, activation });
  const { rows, tile, logits } = tiling;
  const keys = {
    tensors: ['k', 'v'],
    scale: '1.0',
    base: 'keyHead',
    token: 'sizes.keyToken',
    tokens: 'sizes.keys',
    packed: packing.keys,
  } as const;
  const queries = {
    scale: float(LOG2_E / Math.sqrt(dim)),
    base: 'queryHead',
    token: 'sizes.queryToken',
    tokens: 'sizes.queries',
    packed: packing.queries,
  };
  const eights = (packed: boolean) => (packed ? 'vec4u' : 'vec4f');
  const inReach = (g: number) => `vec4u(position - (s + column + ${4 * g})) - vec4u(0, 1, 2, 3) < vec4u(sizes.window)`;
  return /* wgsl */ `${TENSOR_CORE_HEADER}
${bindingsWgsl(
  {
    ...{ q: eights(packing.queries), k: eights(packing.keys), v: eights(packing.keys), slopes: 'f32' },
    ...(statistics && { dO: 'vec4f' }),
  },
  statistics ? { statistics: 'vec2f' } : { o: packing.queries ? 'vec2u' : 'vec4f' },
)}
${tilesWgsl(tiling)}
${rowMemoryWgsl(tiling, logits)}
${softmax ? '// The last tile, counted from one, at which a row found its reference too low. A whole vector: matrices are read from memory that\n// is aligned to 16 bytes, and drivers lay the variables of a workgroup out without gaps.\nvar<workgroup> risen: vec4u;' : ''}
${softmax ? '' : SIGMOID_OF_VECTORS}

@compute @workgroup_size(${tiling.threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) me: u32) {
  ${laneWgsl(tiling, logits)}
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
  ${loadRows(tiling, logits, 'q', 'q', queries)}
  ${declareSums(tiling, 'o')}
  ${softmax ? 'var reference = -1e30;\nvar total = 0.0;' : ''}
  ${declareFetched(tiling, keys)}
  ${fetchTile(tiling, keys, 0, 'first')}
  ${fetchTile(tiling, keys, 1, 'first')}
  ${putTile(tiling, keys, 0)}
  ${fetchTile(tiling, keys, 0, `first + ${tile}`)}
  workgroupBarrier();
  // While tile s is worked on, its values and the keys of the next one go to their places, and those behind are on their way.
  for (var s = first; s < end; s += ${tile}) {
    ${multiplyByTile(tiling, logits, 'q', 0)}
    workgroupBarrier();
    ${putTile(tiling, keys, 1)}
    ${putTile(tiling, keys, 0)}
    ${fetchTile(tiling, keys, 1, `s + ${tile}`)}
    ${fetchTile(tiling, keys, 0, `s + ${2 * tile}`)}
    let distance = f32(i32(position - s - column));
    ${eachFour(tiling, (g) => `let y${g} = ${fourOf(tiling, logits, g)} + (slope * (distance - ${float(4 * g)}) - steps);`)}
    if (s + ${tile - 1} <= block + before && end - 1 - s < sizes.window) {
      ${weigh(false)}
    } else {
      ${weigh(true)}
    }
    workgroupBarrier();
    ${addWeighted(tiling, 'o', logits, 1)}
    // The next logits go to where these weights are.
    workgroupBarrier();
  }
  ${softmax ? 'total += subgroupShuffleXor(total, 1);' : ''}
  ${statistics ? writeStatistics() : writeOutput()}
}
`;

  function weigh(masked: boolean): string {
    return softmax ? softmaxWeights(masked) : sigmoidWeights(masked);
  }

  function sigmoidWeights(masked: boolean): string {
    return `${eachFour(tiling, (g) => `let w${g} = ${kept(`sigmoid2x4(y${g})`, g, masked)};`)}
      ${putWeights(tiling, logits, (g) => `w${g}`)}`;
  }

  /** What lies out of reach has the weight 0. */
  function kept(weight: string, g: number, masked: boolean): string {
    return masked ? `select(vec4f(), ${weight}, ${inReach(g)})` : weight;
  }

  function softmaxWeights(masked: boolean): string {
    const seen = (g: number) => (masked ? `select(vec4f(-1e30), y${g}, ${inReach(g)})` : `y${g}`);
    return /* wgsl */ `var larger = vec4f(-1e30);
      ${eachFour(tiling, (g) => `larger = max(larger, ${seen(g)});`)}
      var largest = max(max(larger.x, larger.y), max(larger.z, larger.w));
      largest = max(largest, subgroupShuffleXor(largest, 1));
      if (largest > reference + ${float(SLACK)}) { risen = vec4u(s + 1); }
      if (workgroupUniformLoad(&risen).x == s + 1) {
        let next = max(reference, largest);
        let shrink = exp2(reference - next);
        reference = next;
        total *= shrink;
        ${throughMemory(
          tiling,
          logits,
          'o',
          (_, n) =>
            VECTORS_OF_SUMS.map((vector) => `logits_scale(${sumsAt(logits, n)}, ${vector}, shrink);`).join('\n'),
          'load',
        )}
      }
      ${eachFour(tiling, (g) => `let w${g} = ${kept(`exp2(y${g} - reference)`, g, masked)};`)}
      ${eachFour(tiling, (g) => `total += dot(w${g}, vec4f(1.0));`)}
      ${putWeights(tiling, logits, (g) => `w${g}`)}`;
  }

  function eachVector(text: (vector: string, at: string) => string): string {
    return throughMemory(
      tiling,
      logits,
      'o',
      (d, n) => `if (block + row < sizes.queries) {
    ${VECTORS_OF_SUMS.map((vector) =>
      text(
        `logits_f32(${sumsAt(logits, n)}, ${vector})`,
        `queryHead + (block + row) * sizes.queryToken + ${4 * d} + ${vector}`,
      ),
    ).join('\n')}
  }`,
    );
  }

  function writeOutput(): string {
    return eachVector((vector, at) => {
      const value = `${vector}${softmax ? ' / total' : ''}`;
      return packing.queries
        ? `{ let o4 = ${value}; o[${at}] = vec2u(pack2x16float(o4.xy), pack2x16float(o4.zw)); }`
        : `o[${at}] = ${value};`;
    });
  }

  function writeStatistics(): string {
    return /* wgsl */ `var dotted = 0.0;
  ${eachVector((vector, at) => `dotted += dot(${vector}, dO[${at}]);`)}
  dotted += subgroupShuffleXor(dotted, 1);
  if (half == 0 && block + row < sizes.queries) {
    statistics[(group.z * sizes.heads + group.y) * sizes.queries + block + row] = vec2f(reference + log2(total), dotted / total);
  }`;
  }
}
