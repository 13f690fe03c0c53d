import { readdirSync } from 'node:fs';
import test from 'ava';
import { normaliseConfig } from '../../src/models/checkpoint/normalise-config.js';
import { parameterCount } from '../../src/models/checkpoint/parameters.js';
import { CHUNK, type ModelCost } from '../../src/models/cost.js';
import { familyOf } from '../../src/models/families.js';
import { parseModelSpec } from '../../src/models/model-spec.js';
import { configureBaseline, listBaselines } from '../../src/models/registry.js';
import { CHUNK as DECAYED_CHUNK } from '../../src/ops/decayed-linear-attention.js';
import { CHUNK as DELTA_CHUNK } from '../../src/ops/delta-rule.js';
import { needsShared } from '../shared.js';

const VOCABULARY = 257;

async function configOf(spec: string) {
  const parsed = parseModelSpec(spec);
  if (parsed.kind !== 'baseline') throw new Error(`${spec} names no baseline`);
  const { baseline, config } = await configureBaseline(parsed);
  const raw = { vocab_size: VOCABULARY, ...config };
  return { raw, cost: baseline.cost(raw), config: normaliseConfig(raw, spec) };
}

async function costOf(spec: string): Promise<ModelCost> {
  return (await configOf(spec)).cost;
}

/** Settings that change what a model costs, beside every size of every baseline. */
const SETTINGS = [
  'swat:tiny,window=16,kv_heads=2',
  'transformer:tiny,window=16,kv_heads=1,tied=false',
  'retnet:tiny,gate=false',
  'gla:tiny,conv=true,gate=false',
  'gsa:tiny,conv=true,slots=8',
  'mamba2:tiny,groups=2,state=8,tied=false',
  'mamba:tiny,states=8',
  'ttt:tiny,gate=true,mini_batch=8',
  'ttt:tiny,share_qk=true,pre_conv=true',
  'delta_net:tiny,gate=true,conv=false',
  'gated_deltanet:tiny,value_heads=4,gate=false',
  'titans:tiny,heads=4,chunk=24,conv_size=2,persistent_tokens=0',
];

const sizes = (await listBaselines()).flatMap(({ name, sizes }) => Object.keys(sizes).map((size) => `${name}:${size}`));

for (const spec of [...sizes, ...SETTINGS])
  test(`${spec}: the formulas count the parameters and the state of the model itself`, async (t) => {
    const { cost, config } = await configOf(spec);
    t.is(cost.parameters, parameterCount(config));
    const mixers = Array.from({ length: config.layers }, (_, layer) => familyOf(config).createMixer(config, layer));
    for (const batch of [1, 3])
      for (const position of [1, 100, 4096, 5000])
        t.is(
          cost.stateBytes(batch, position),
          mixers.reduce((sum, mixer) => sum + mixer.stateBytes(batch, position), 0),
        );
  });

/**
 * The 340M class: numbers of a layer's state at position 4,096, the inputs of its convolutions included; millions of
 * parameters, tied; millions of operations a token in the recurrent form.
 */
const CLASS_340M: [spec: string, state: number, parameters: number, flops: number][] = [
  ['swat:340m', 524_288, 341.1, 707.9],
  ['swat:340m,window=128', 262_144, 341.1, 695.0],
  ['retnet:340m', 262_144, 347.4, 726.3],
  ['gla:340m', 131_072, 341.7, 699.1],
  ['gsa:340m', 131_072, 347.4, 710.5],
  ['mamba:340m', 32_768 + 3 * 2048, 352.8, 720.5],
  ['mamba2:340m', 262_144 + 3 * 2304, 349.6, 763.0],
  ['delta_net:340m', 131_072 + 3 * 3072, 341.6, 702.7],
  ['gated_deltanet:340m', 196_608 + 3 * 3072, 347.1, 723.7],
  ['gated_deltanet:340m-flame', 786_432 + 3 * (2 * 1536 + 3072), 479.5, 1075.6],
  ['ttt:350m', 66_560, 337.3, 687.2],
  ['titans:340m', 2 * 8 * 128 * 128 + 3 * 3 * 1024, 341.3, 711.5],
];

for (const [spec, state, parameters, flops] of CLASS_340M)
  test(`${spec} has the state, parameters and operations of its class`, async (t) => {
    const { cost, config } = await configOf(spec);
    t.is(cost.stateBytes(1, 4096) / 4 / config.layers, state);
    t.is((cost.parameters / 1e6).toFixed(1), parameters.toFixed(1));
    t.is((cost.flopsPerToken({ kind: 'decode', position: 4096 }) / 1e6).toFixed(1), flops.toFixed(1));
  });

test('full attention costs by how much there is to attend to', async (t) => {
  const { cost, config } = await configOf('transformer:340m');
  t.is(cost.stateBytes(1, 4096) / 4 / config.layers, 8_388_608);
  // 616.7 for the blocks, 65.5 for the head, and 4 H t L for the products; five more a weight for the softmax.
  const flops = (t: number) => 2 * (cost.parameters - 32000 * 1024) + 2 * 32000 * 1024 + 24 * t * (4 * 1024 + 5 * 16);
  t.is(cost.flopsPerToken({ kind: 'decode', position: 16_384 }), flops(16_384));
  t.is(cost.flopsPerToken({ kind: 'parallel', length: 4096 }), flops(4097 / 2));
  t.is(((cost.flopsPerToken({ kind: 'decode', position: 16_384 }) - 24 * 5 * 16 * 16_384) / 1e6).toFixed(1), '2292.8');
});

test('a window saves what is out of reach, on average over a sequence too', async (t) => {
  const [windowed, full] = [await costOf('transformer:tiny,window=16'), await costOf('transformer:tiny')];
  const at = (cost: ModelCost, position: number) => cost.flopsPerToken({ kind: 'decode', position });
  t.is(at(windowed, 16), at(full, 16));
  t.is(at(windowed, 1000), at(windowed, 16));
  const mean = Array.from({ length: 50 }, (_, i) => at(windowed, i + 1)).reduce((a, b) => a + b) / 50;
  t.true(Math.abs(windowed.flopsPerToken({ kind: 'parallel', length: 50 }) / mean - 1) < 1e-12);
});

test('the chunks of the formulas are those of the ops', (t) => {
  t.is(DECAYED_CHUNK, CHUNK);
  t.is(DELTA_CHUNK, CHUNK);
});

test('every golden model is claimed by one baseline', async (t) => {
  const directory = needsShared(t, 'golden');
  if (directory === null) return;
  const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const claimed = (await listBaselines()).flatMap(({ reference }) => reference.golden);
  t.deepEqual(claimed.sort(), folders.map(({ name }) => name).sort());
});
