import test from 'ava';
import { attentionForwardF16 } from '../../../src/kernels/webgpu/attention-forward-f16.js';
import { attentionKeyValueGradientF16 } from '../../../src/kernels/webgpu/attention-key-value-gradient-f16.js';
import { attentionQueryGradientF16 } from '../../../src/kernels/webgpu/attention-query-gradient-f16.js';
import { ATTENTION_MEMORY, fitsTensorCores } from '../../../src/kernels/webgpu/attention-tensor-cores.js';

/** Bytes of the variables that a text declares for a workgroup, all of them vectors of 16. */
function workgroupMemory(wgsl: string): number {
  const counts = [...wgsl.matchAll(/var<workgroup> \w+: (?:array<vec4u, (\d+)>|vec4u);/g)];
  return counts.reduce((sum, [, count]) => sum + 16 * Number(count ?? 1), 0);
}

test('two workgroups of every f16 attention kernel fit on a multiprocessor', (t) => {
  const dims = [...Array(129).keys()].slice(1).filter(fitsTensorCores);
  t.deepEqual(dims, [16, 32, 48, 64, 80, 96, 112, 128]);
  for (const dim of dims)
    for (const activation of ['sigmoid', 'softmax'] as const)
      for (const { key, wgsl } of [
        attentionForwardF16({ dim, activation }, 'output'),
        attentionQueryGradientF16({ dim, activation }),
        attentionKeyValueGradientF16({ dim, activation }),
      ]) {
        const memory = workgroupMemory(wgsl());
        t.true(memory > 0 && memory <= ATTENTION_MEMORY, `${key} takes ${memory} bytes`);
      }
});
