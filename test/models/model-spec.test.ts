import test from 'ava';
import { parseModelSpec } from '../../src/models/model-spec.js';
import { UserError } from '../../src/user-error.js';

test('a baseline is a name, a size and settings', (t) => {
  t.deepEqual(parseModelSpec('swat:tiny,window=64,seed=1'), {
    kind: 'baseline',
    name: 'swat',
    size: 'tiny',
    overrides: { window: '64', seed: '1' },
  });
});

test('a baseline needs no settings', (t) => {
  t.deepEqual(parseModelSpec('transformer:340m'), {
    kind: 'baseline',
    name: 'transformer',
    size: '340m',
    overrides: {},
  });
});

for (const path of ['swat-mini', './checkpoints/a,b=c', 'models/a:b', './a:b', 'C:\\models\\swat', '/models/swat'])
  test(`'${path}' is a checkpoint`, (t) => {
    t.deepEqual(parseModelSpec(path), { kind: 'checkpoint', path });
  });

for (const [text, complaint] of [
  ['', /is empty/],
  ['swat:', /names no size/],
  ['swat:,window=64', /names no size/],
  ['swat:tiny,window', /'window' where key=value belongs/],
  ['swat:tiny,window=', /'window=' where key=value belongs/],
  ['swat:tiny,', /'' where key=value belongs/],
  ['swat:tiny,seed=1,seed=2', /sets 'seed' twice/],
] as const)
  test(`'${text}' is refused`, (t) => {
    const error = t.throws(() => parseModelSpec(text), { instanceOf: UserError, message: complaint });
    t.is(error.exitCode, 2);
  });
