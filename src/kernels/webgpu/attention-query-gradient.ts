// Windowed attention, the gradient of the queries, f32. With w and x as in attention-forward.ts and dw[t,s] = dO[t] . v[s]:
//   sigmoid: dx = w (1 - w) dw;   softmax: dx = w (dw - dO[t] . o[t]);   dq[t] = sum over s of dx[t,s] k[s] / sqrt(D)
// One workgroup: 64 rows of one head at D = 64; q, dO and dq are in registers, keys and values stream as in the forward pass, and
// the logits are computed again. FLOPs: 6 D for each pair in reach. Bytes at best: q, k, v, dO, dq once each.
import { addRow, declareSlice, gradientTiling, sliceDot, THREADS, tilesWgsl } from './attention-rows.js';
import { bindingsWgsl, float, LOG2_E, unrolled } from './attention-sizes.js';
import type { AttentionConstants } from './attention-sizes.js';
import type { Program } from './runner.js';

/** Inputs q, k, v, slopes, dO, and the statistics for softmax; output dq. Workgroups: [T / rows, N, B]. */
export function attentionQueryGradient({ dim, activation }: AttentionConstants): Program {
  return { key: `attention-query-gradient/${dim}/${activation}`, wgsl: () => queryGradientWgsl({ dim, activation }) };
}

export function samples(): Program[] {
  return [4, 64, 128].flatMap((dim) => [
    attentionQueryGradient({ dim, activation: 'sigmoid' }),
    attentionQueryGradient({ dim, activation: 'softmax' }),
  ]);
}

function queryGradientWgsl({ dim, activation }: AttentionConstants): string {
  const tiling = gradientTiling(dim)!;
  const { parts, rows, vectors, slice, tile } = tiling;
  const softmax = activation === 'softmax';
  return /* wgsl */ `
${bindingsWgsl(
  { q: 'vec4f', k: 'vec4f', v: 'vec4f', slopes: 'f32', dO: 'vec4f', ...(softmax && { statistics: 'vec2f' }) },
  { dQ: 'vec4f' },
)}
${tilesWgsl(tiling, 'k', 'v', 'sizes.keyToken', 'sizes.keys')}
${parts > 1 ? `var<workgroup> shares: array<vec2f, ${tile * THREADS}>;` : ''}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) me: u32) {
  let mine = me % ${rows};
  let part = me / ${rows};
  let block = (groups.x - 1 - group.x) * ${rows};
  let t = block + mine;
  let before = sizes.keys - sizes.queries;
  let position = t + before;
  let keyHead = keyHeadAt(group.z, group.y / sizes.group);
  let slope = slopes[group.y] * ${float(LOG2_E)};
  let read = min(t, sizes.queries - 1);
  let at = queryHeadAt(group.z, group.y) + read * sizes.queryToken + part * ${slice};
  ${softmax ? 'let statistic = statistics[(group.z * sizes.heads + group.y) * sizes.queries + read];' : ''}
  ${declareSlice(tiling, 'q', (i) => `q[at + ${i}] * ${float(LOG2_E / Math.sqrt(dim))}`)}
  ${declareSlice(tiling, 'dO', (i) => `dO[at + ${i}]`)}
  ${declareSlice(tiling, 'dQ', () => 'vec4f()')}
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
      shares[j * ${THREADS} + me] = vec2f(${sliceDot(tiling, 'q', 'kTile')}, ${sliceDot(tiling, 'dO', 'vTile')});
    }
    workgroupBarrier();`
    }
    for (var j = 0u; j < ${tile}; j++) {
      let distance = position - (s + j);
      if (distance < sizes.window) {
        let row = j * ${vectors} + part * ${slice};
        let dots = ${
          parts === 1
            ? `vec2f(${sliceDot(tiling, 'q', 'kTile')}, ${sliceDot(tiling, 'dO', 'vTile')})`
            : Array.from({ length: parts }, (_, i) => `shares[j * ${THREADS} + ${i * rows} + mine]`).join(' + ')
        };
        let y = slope * f32(distance) + dots.x;
        ${
          softmax
            ? 'let dX = exp2(y - statistic.x) * (dots.y - statistic.y);'
            : 'let w = sigmoid2(y);\n        let dX = w * (1.0 - w) * dots.y;'
        }
        ${addRow(tiling, 'dQ', 'dX', 'kTile')}
      }
    }
  }
  if (t < sizes.queries) {
    ${unrolled(slice, (i) => `dQ[at + ${i}] = dQ${i} * ${float(1 / Math.sqrt(dim))};`)}
  }
}
`;
}
