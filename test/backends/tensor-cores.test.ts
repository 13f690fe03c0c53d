import test from 'ava';
import { lackingForTensorCores } from '../../src/backends/tensor-cores.js';

const FEATURES = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'];
const ours = { M: 16, N: 16, K: 16, componentType: 'f16', resultComponentType: 'f32' };
const inHalf = { ...ours, resultComponentType: 'f16' };

const lacking = (features: string[], subgroups: [number, number], configs: object[]) =>
  lackingForTensorCores(new Set(features), {
    subgroupMinSize: subgroups[0],
    subgroupMaxSize: subgroups[1],
    subgroupMatrixConfigs: configs,
  } as unknown as GPUAdapterInfo);

test('tensor cores are used where all that the kernels were written for is there', (t) => {
  t.is(lacking(FEATURES, [32, 32], [{ ...ours, K: 8 }, ours, inHalf]), null);
});

test('what is lacking is named', (t) => {
  t.is(lacking(FEATURES, [32, 64], [ours, inHalf]), 'subgroups of 32 to 64 where 32 are needed');
  t.is(lacking(FEATURES, [32, 32], [{ ...ours, N: 8 }, inHalf]), 'no subgroup matrices of 16 x 16 x 16, f16 into f32');
  t.is(lacking(FEATURES, [32, 32], [ours]), 'no subgroup matrices of 16 x 16 x 16, f16 into f16');
  t.is(lacking([], [4, 4], []), 'no shader-f16, no subgroup matrices, subgroups of 4 where 32 are needed');
});
