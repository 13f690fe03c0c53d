// Windowed attention, the gradients of the keys and values, f32. With w and dx as in attention-query-gradient.ts:
//   dv[s] = sum over t of w[t,s] dO[t],   dk[s] = sum over t of dx[t,s] q[t] / sqrt(D),   t over the queries that reach s
// A key head adds up the query heads of its group one after the other. One workgroup: 64 keys of one head at D = 64; k, v, dk and
// dv are in registers, q and dO stream through workgroup memory. FLOPs: 8 D for each pair in reach. Bytes at best: q, k, v, dO, dk,
// dv once each.
import { addRow, declareSlice, gradientTiling, sliceDot, THREADS, tilesWgsl } from './attention-rows.js';
import { bindingsWgsl, float, LOG2_E, unrolled } from './attention-sizes.js';
import type { AttentionConstants } from './attention-sizes.js';
import type { Program } from './runner.js';

/** Inputs q, k, v, slopes, dO, and the statistics for softmax; outputs dk, dv. Workgroups: [S / rows, Nkv, B]. */
export function attentionKeyValueGradient({ dim, activation }: AttentionConstants): Program {
  return {
    key: `attention-key-value-gradient/${dim}/${activation}`,
    wgsl: () => keyValueGradientWgsl({ dim, activation }),
  };
}

export function samples(): Program[] {
  return [4, 64, 128].flatMap((dim) => [
    attentionKeyValueGradient({ dim, activation: 'sigmoid' }),
    attentionKeyValueGradient({ dim, activation: 'softmax' }),
  ]);
}

function keyValueGradientWgsl({ dim, activation }: AttentionConstants): string {
  const tiling = gradientTiling(dim)!;
  const { parts, rows, vectors, slice, tile } = tiling;
  const softmax = activation === 'softmax';
  return /* wgsl */ `
${bindingsWgsl(
  { q: 'vec4f', k: 'vec4f', v: 'vec4f', slopes: 'f32', dO: 'vec4f', ...(softmax && { statistics: 'vec2f' }) },
  { dK: 'vec4f', dV: 'vec4f' },
)}
${tilesWgsl(tiling, 'q', 'dO', 'sizes.queryToken', 'sizes.queries')}
${parts > 1 ? `var<workgroup> shares: array<vec2f, ${tile * THREADS}>;` : ''}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let mine = me % ${rows};
  let part = me / ${rows};
  let block = group.x * ${rows};
  let s = block + mine;
  let before = sizes.keys - sizes.queries;
  let at = keyHeadAt(group.z, group.y) + min(s, sizes.keys - 1) * sizes.keyToken + part * ${slice};
  ${declareSlice(tiling, 'k', (i) => `k[at + ${i}] * ${float(LOG2_E / Math.sqrt(dim))}`)}
  ${declareSlice(tiling, 'v', (i) => `v[at + ${i}]`)}
  ${declareSlice(tiling, 'dK', () => 'vec4f()')}
  ${declareSlice(tiling, 'dV', () => 'vec4f()')}
  let end = endOfQueries(block + ${rows - 1});
  for (var head = group.y * sizes.group; head < (group.y + 1) * sizes.group; head++) {
    let queryHead = queryHeadAt(group.z, head);
    let slope = slopes[head] * ${float(LOG2_E)};
    for (var t = firstQuery(block); t < end; t += ${tile}) {
      workgroupBarrier();
      stage(me, queryHead, t);
      workgroupBarrier();
      ${
        parts === 1
          ? ''
          : `for (var j = 0u; j < ${tile}; j++) {
        let row = j * ${vectors} + part * ${slice};
        shares[j * ${THREADS} + me] = vec2f(${sliceDot(tiling, 'k', 'qTile')}, ${sliceDot(tiling, 'v', 'dOTile')});
      }
      workgroupBarrier();`
      }
      for (var j = 0u; j < min(${tile}u, end - t); j++) {
        let distance = t + j + before - s;
        if (distance < sizes.window) {
          let row = j * ${vectors} + part * ${slice};
          let dots = ${
            parts === 1
              ? `vec2f(${sliceDot(tiling, 'k', 'qTile')}, ${sliceDot(tiling, 'v', 'dOTile')})`
              : Array.from({ length: parts }, (_, i) => `shares[j * ${THREADS} + ${i * rows} + mine]`).join(' + ')
          };
          let y = slope * f32(distance) + dots.x;
          ${
            softmax
              ? `let statistic = statistics[(group.z * sizes.heads + head) * sizes.queries + t + j];
          let w = exp2(y - statistic.x);
          let dX = w * (dots.y - statistic.y);`
              : 'let w = sigmoid2(y);\n          let dX = w * (1.0 - w) * dots.y;'
          }
          ${addRow(tiling, 'dK', 'dX', 'qTile')}
          ${addRow(tiling, 'dV', 'w', 'dOTile')}
        }
      }
    }
  }
  if (s < sizes.keys) {
    ${unrolled(slice, (i) => `dK[at + ${i}] = dK${i} * ${float(1 / Math.sqrt(dim))};\n    dV[at + ${i}] = dV${i};`)}
  }
}
`;
}
