// Windowed attention, forward, f32.
//   o[t] = sum over s in (p - window, p] of w[t,s] v[s],   w = sigmoid(x) or softmax(x), x as in attention-sizes.ts
// One workgroup: 128 rows of one head (64 where D > 64), each with q and o in the registers of its thread; keys and values
// stream through workgroup memory in tiles of at most 16. The softmax is online: a row that finds a larger logit rescales what it
// has. FLOPs: 4 D for each pair in reach. Bytes at best: q, k, v, o once each; k and v come from the L2 cache again for each
// block of queries. Bound by arithmetic; a broadcast read of 16 bytes feeds four multiply-adds, so half of the peak at most.
import { addRow, declareSlice, forwardTiling, sliceDot, THREADS, tilesWgsl } from './attention-rows.js';
import { bindingsWgsl, float, LOG2_E, unrolled } from './attention-sizes.js';
import type { AttentionConstants, Epilogue } from './attention-sizes.js';
import type { Program } from './runner.js';

/** Inputs q, k, v, slopes, and dO for the statistics; output o or the statistics. Workgroups: [T / rows, N, B]. */
export function attentionForward({ dim, activation }: AttentionConstants, epilogue: Epilogue): Program {
  return {
    key: `attention-forward/${dim}/${activation}/${epilogue}`,
    wgsl: () => forwardWgsl({ dim, activation }, epilogue),
  };
}

export function samples(): Program[] {
  return [4, 64, 128].flatMap((dim) => [
    attentionForward({ dim, activation: 'sigmoid' }, 'output'),
    attentionForward({ dim, activation: 'softmax' }, 'output'),
    attentionForward({ dim, activation: 'softmax' }, 'statistics'),
  ]);
}

function forwardWgsl({ dim, activation }: AttentionConstants, epilogue: Epilogue): string {
  const tiling = forwardTiling(dim)!;
  const { parts, rows, vectors, slice, tile } = tiling;
  const softmax = activation === 'softmax';
  const statistics = epilogue === 'statistics';
  return /* wgsl */ `
${bindingsWgsl(
  { q: 'vec4f', k: 'vec4f', v: 'vec4f', slopes: 'f32', ...(statistics && { dO: 'vec4f' }) },
  statistics ? { statistics: 'vec2f' } : { o: 'vec4f' },
)}
${tilesWgsl(tiling, 'k', 'v', 'sizes.keyToken', 'sizes.keys')}
${parts > 1 ? `var<workgroup> shares: array<f32, ${tile * THREADS}>;` : ''}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) me: u32) {
  let mine = me % ${rows};
  let part = me / ${rows};
  // The last queries have the longest rows where attention is full: they start first.
  let block = (groups.x - 1 - group.x) * ${rows};
  let t = block + mine;
  let before = sizes.keys - sizes.queries;
  let position = t + before;
  let keyHead = keyHeadAt(group.z, group.y / sizes.group);
  let slope = slopes[group.y] * ${float(LOG2_E)};
  let at = queryHeadAt(group.z, group.y) + min(t, sizes.queries - 1) * sizes.queryToken + part * ${slice};
  ${declareSlice(tiling, 'q', (i) => `q[at + ${i}] * ${float(LOG2_E / Math.sqrt(dim))}`)}
  ${declareSlice(tiling, 'o', () => 'vec4f()')}
  ${softmax ? 'var largest = -1e30;\n  var total = 0.0;' : ''}
  let end = min(block + ${rows}, sizes.queries) + before;
  for (var s = firstKey(block); s < end; s += ${tile}) {
    workgroupBarrier();
    stage(me, keyHead, s);
    workgroupBarrier();
    ${
      parts === 1
        ? ''
        : `for (var j = 0u; j < ${tile}; j++) {
      let row = j * ${vectors} + part * ${slice};
      shares[j * ${THREADS} + me] = ${sliceDot(tiling, 'q', 'kTile')};
    }
    workgroupBarrier();`
    }
    for (var j = 0u; j < ${tile}; j++) {
      let distance = position - (s + j);
      if (distance < sizes.window) {
        let row = j * ${vectors} + part * ${slice};
        let y = slope * f32(distance) + ${
          parts === 1
            ? sliceDot(tiling, 'q', 'kTile')
            : Array.from({ length: parts }, (_, i) => `shares[j * ${THREADS} + ${i * rows} + mine]`).join(' + ')
        };
        ${
          softmax
            ? `if (y > largest) {
          let shrink = exp2(largest - y);
          ${unrolled(slice, (i) => `o${i} *= shrink;`)}
          total *= shrink;
          largest = y;
        }
        let w = exp2(y - largest);
        total += w;`
            : 'let w = sigmoid2(y);'
        }
        ${addRow(tiling, 'o', 'w', 'vTile')}
      }
    }
  }
  ${statistics ? writeStatistics() : writeOutput()}
}
`;

  function writeOutput(): string {
    return /* wgsl */ `if (t < sizes.queries) {
    ${softmax ? 'let norm = 1.0 / total;' : ''}
    ${unrolled(slice, (i) => `o[at + ${i}] = o${i}${softmax ? ' * norm' : ''};`)}
  }`;
  }

  function writeStatistics(): string {
    const share = Array.from({ length: slice }, (_, i) => `dot(o${i}, dO[at + ${i}])`).join(' + ');
    const index = '(group.z * sizes.heads + group.y) * sizes.queries + t';
    if (parts === 1)
      return `if (t < sizes.queries) { statistics[${index}] = vec2f(largest + log2(total), (${share}) / total); }`;
    return /* wgsl */ `workgroupBarrier();
  shares[me] = ${share};
  workgroupBarrier();
  if (part == 0 && t < sizes.queries) {
    let sum = ${Array.from({ length: parts }, (_, i) => `shares[${i * rows} + mine]`).join(' + ')};
    statistics[${index}] = vec2f(largest + log2(total), sum / total);
  }`;
  }
}
