import test from 'ava';
import type { ModelType } from '../../../src/models/checkpoint/model-config.js';
import { gradientsAsStored, locateParameters, nativeName } from '../../../src/models/checkpoint/parameter-names.js';
import { UserError } from '../../../src/user-error.js';

const parameters = [
  { name: 'model.embeddings.weight', shape: [6, 4] },
  { name: 'model.layers.0.attn_norm.weight', shape: [4] },
  { name: 'model.layers.0.attn.q_proj.weight', shape: [4, 4] },
  { name: 'model.layers.0.mlp_norm.weight', shape: [4] },
  { name: 'model.layers.0.mlp.gate_proj.weight', shape: [3, 4] },
  { name: 'model.layers.0.mlp.up_proj.weight', shape: [3, 4] },
];

const locate = (names: Record<string, number[]>, modelType: ModelType = 'swat', tied = false) =>
  locateParameters(
    parameters,
    new Map(Object.entries(names).map(([name, shape]) => [name, { shape }])),
    { modelType, tied },
    'dir/model.safetensors',
  );

const asStored = (modelType: ModelType): Record<string, number[]> =>
  Object.fromEntries(parameters.map(({ name, shape }) => [nativeName(name, modelType), [...shape]]));

test('the canonical names are flash-linear-attention and need no mapping', (t) => {
  const sources = locate(asStored('swat'));
  t.true([...sources].every(([name, source]) => source.name === name && source.rows === null));
});

test('Llama and Mistral names are mapped', (t) => {
  for (const modelType of ['llama', 'mistral'] as const) {
    const sources = locate(asStored(modelType), modelType);
    t.deepEqual(
      [...sources.values()].map(({ name }) => name),
      [
        'model.embed_tokens.weight',
        'model.layers.0.input_layernorm.weight',
        'model.layers.0.self_attn.q_proj.weight',
        'model.layers.0.post_attention_layernorm.weight',
        'model.layers.0.mlp.gate_proj.weight',
        'model.layers.0.mlp.up_proj.weight',
      ],
    );
  }
});

test('norm_first files keep the norms inside attention and MLP', (t) => {
  const { 'model.layers.0.attn_norm.weight': a, 'model.layers.0.mlp_norm.weight': b, ...rest } = asStored('swat');
  const sources = locate({ ...rest, 'model.layers.0.attn.norm.weight': a!, 'model.layers.0.mlp.norm.weight': b! });
  t.is(sources.get('model.layers.0.attn_norm.weight')?.name, 'model.layers.0.attn.norm.weight');
  t.is(sources.get('model.layers.0.mlp_norm.weight')?.name, 'model.layers.0.mlp.norm.weight');
});

const stacked = (): Record<string, number[]> => {
  const names: Record<string, number[]> = { ...asStored('swat'), 'model.layers.0.mlp.gate_proj.weight': [6, 4] };
  delete names['model.layers.0.mlp.up_proj.weight'];
  return names;
};

test('an old fused gate_proj holds the gate above the up projection', (t) => {
  const sources = locate(stacked());
  const name = 'model.layers.0.mlp.gate_proj.weight';
  t.deepEqual(sources.get(name), { name, shape: [6, 4], rows: { start: 0, end: 3 } });
  t.deepEqual(sources.get('model.layers.0.mlp.up_proj.weight'), { name, shape: [6, 4], rows: { start: 3, end: 6 } });
});

test('gradients come back under the names of the checkpoint, those of a fused matrix joined', (t) => {
  const gradients = new Map(
    parameters.map(({ name, shape }, i) => [name, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(i)]),
  );
  const result = gradientsAsStored(locate(stacked()), gradients);
  t.deepEqual([...result.keys()].sort(), Object.keys(stacked()).sort());
  t.deepEqual(
    result.get('model.layers.0.mlp.gate_proj.weight'),
    Float32Array.of(...Array<number>(12).fill(4), ...Array<number>(12).fill(5)),
  );
  t.is(result.get('model.embeddings.weight'), gradients.get('model.embeddings.weight'));
});

test('rotary tables, which references store and do not read, are passed over', (t) => {
  const sources = locate({ ...asStored('llama'), 'model.layers.0.self_attn.rotary_emb.inv_freq': [2] }, 'llama');
  t.is(sources.size, parameters.length);
});

test('a tied model may store its head', (t) => {
  t.is(locate({ ...asStored('swat'), 'lm_head.weight': [6, 4] }, 'swat', true).size, parameters.length);
});

const mistakes: [what: string, names: () => Record<string, number[]>, modelType: ModelType, message: RegExp][] = [
  [
    'a missing tensor is named as the reference names it',
    () => ({ ...asStored('llama'), 'model.layers.0.self_attn.q_proj.weight': undefined }) as never,
    'llama',
    /^model.safetensors has no tensor model.layers.0.self_attn.q_proj.weight, expected one of shape \[4, 4\]$/,
  ],
  [
    'a missing up_proj beside a gate of normal size is missing',
    () => ({ ...stacked(), 'model.layers.0.mlp.gate_proj.weight': [3, 4] }),
    'swat',
    /has no tensor model.layers.0.mlp.up_proj.weight/,
  ],
  [
    'a wrong shape is named with both shapes',
    () => ({ ...asStored('swat'), 'model.embeddings.weight': [7, 4] }),
    'swat',
    /^model.safetensors holds model.embeddings.weight of shape \[7, 4\], expected \[6, 4\]$/,
  ],
  [
    'a fused gate of the wrong width is named with both shapes',
    () => ({ ...stacked(), 'model.layers.0.mlp.gate_proj.weight': [6, 5] }),
    'swat',
    /holds model.layers.0.mlp.gate_proj.weight of shape \[6, 5\], expected \[6, 4\]$/,
  ],
  [
    'a tensor of no parameter is named',
    () => ({ ...asStored('swat'), 'model.layers.1.attn.q_proj.weight': [4, 4] }),
    'swat',
    /^model.safetensors holds model.layers.1.attn.q_proj.weight, which a swat model with this config.json does not have$/,
  ],
  [
    'many tensors of no parameter are counted',
    () => ({ ...asStored('swat'), a: [1], b: [1], c: [1], d: [1], e: [1] }),
    'swat',
    /holds a, b, c and 2 more, which/,
  ],
  [
    'one parameter under two names is not guessed at',
    () => ({ ...asStored('swat'), 'model.layers.0.attn.norm.weight': [4] }),
    'swat',
    /holds model.layers.0.attn.norm.weight, which/,
  ],
  [
    'a head in a checkpoint without one is an error unless it is tied',
    () => ({ ...asStored('swat'), 'lm_head.weight': [6, 4] }),
    'swat',
    /holds lm_head.weight, which/,
  ],
];

for (const [what, names, modelType, message] of mistakes)
  test(what, (t) => {
    const present = Object.fromEntries(Object.entries(names()).filter(([, shape]) => shape !== undefined));
    const error = t.throws(() => locate(present, modelType), { instanceOf: UserError });
    t.regex(error?.message ?? '', message);
    t.is(error?.where, 'dir/model.safetensors');
  });
