import test from 'ava';
import { parseTrainConfig } from '../../src/train/read-config.js';
import { UserError } from '../../src/user-error.js';

const RECIPE = 'model: swat:tiny\ndata: corpus.txt\nsequence_length: 128\nsteps: 100\n';

const read = (text: string, ...settings: string[]) => parseTrainConfig(text, '/recipes/recipe.yaml', settings);

test('a recipe of four lines is filled in', (t) => {
  const config = read(RECIPE);
  t.deepEqual(config.model, { 'swat:tiny': 'swat:tiny' });
  t.deepEqual(config.data, { files: ['corpus.txt'], text_field: 'text' });
  t.deepEqual(config.optimizer, { lr: 3e-4, betas: [0.9, 0.95], eps: 1e-8, weight_decay: 0.1 });
  t.deepEqual(config.seeds, { init: 0, data: 0 });
  t.is(config.max_grad_norm, 1);
});

test('a recipe that was filled in reads as itself', (t) => {
  const config = read(RECIPE, 'validation={data: [a.txt, b.txt]}');
  t.deepEqual(read(JSON.stringify(config)), config);
});

test('a setting takes the place of what the file says, in YAML', (t) => {
  const config = read(
    RECIPE,
    'optimizer.lr=1e-3',
    'optimizer.betas=[0.9, 0.99]',
    'model={a: swat:tiny}',
    'steps=5',
    'steps=7',
  );
  t.is(config.optimizer.lr, 1e-3);
  t.deepEqual(config.optimizer.betas, [0.9, 0.99]);
  t.deepEqual(config.model, { a: 'swat:tiny' });
  t.is(config.steps, 7);
});

test('a budget that is set takes the place of the other kind', (t) => {
  const config = read(RECIPE, 'tokens=1e6');
  t.is(config.tokens, 1e6);
  t.is(config.steps, undefined);
});

const mistakes: [what: string, text: string, settings: string[], code: number, sentence: RegExp, hint?: RegExp][] = [
  ['a key', `${RECIPE}optimzer: {}`, [], 3, /unknown key optimzer/, /did you mean optimizer\?/],
  ['a key inside', `${RECIPE}optimizer: { lrr: 1 }`, [], 3, /unknown key optimizer\.lrr/, /optimizer\.lr\?/],
  [
    'a key inside an option',
    `${RECIPE}validation: { data: a, length: [1] }`,
    [],
    3,
    /validation\.length/,
    /validation\.lengths\?/,
  ],
  [
    'a key of the data',
    RECIPE.replace('corpus.txt', '{ generater: mini }'),
    [],
    3,
    /data\.generater/,
    /data\.generator\?/,
  ],
  ['a set key', RECIPE, ['bach_size=3'], 2, /--set bach_size=3: unknown key bach_size/, /batch_size\?/],
  ['a set value', RECIPE, ['optimizer.lr=fast'], 2, /optimizer\.lr is "fast": expected a number/],
  ['a value', `${RECIPE}batch_size: 0`, [], 3, /batch_size is 0: expected a whole number from 1 on/],
  ['a choice', `${RECIPE}schedule: { kind: linear }`, [], 3, /schedule\.kind is "linear": expected cosine or wsd/],
  ['what is missing', 'model: swat:tiny', [], 3, /data is missing/],
  ['no budget', RECIPE.replace('steps: 100', ''), [], 3, /the budget as either steps or tokens/],
  ['two budgets', `${RECIPE}tokens: 100`, [], 3, /the budget as either steps or tokens/],
  ['files and a generator', RECIPE, ['data={files: a, generator: b}'], 2, /either files or a generator/],
  ['no YAML', 'model: [a\ndata: b', [], 3, /recipe\.yaml is not valid YAML/],
  ['no recipe', 'hello', [], 3, /holds no recipe/],
  ['a setting without a value', RECIPE, ['steps'], 2, /--set needs key=value/],
  ['a setting below a number', RECIPE, ['steps.x=1'], 2, /steps has no keys, it is 100/],
];

for (const [what, text, settings, code, sentence, hint] of mistakes)
  test(`${what} that is wrong is one sentence with exit code ${code}`, (t) => {
    const error = t.throws(() => read(text, ...settings), { instanceOf: UserError, message: sentence });
    t.is(error.exitCode, code);
    if (hint !== undefined) t.regex(error.hint ?? '', hint);
  });
