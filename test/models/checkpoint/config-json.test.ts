import test from 'ava';
import { formatPythonJson, parsePythonJson } from '../../../src/models/checkpoint/config-json.js';
import { UserError } from '../../../src/user-error.js';

test('what JSON.parse reads is read the same', (t) => {
  const text = ' {"a": [1, -2.5e3, 1e-06, 0, true, false, null, {}, []], "b\\u00e9\\n\\"": {"c": "\\\\"}}\r\n\t';
  t.deepEqual(parsePythonJson(text, 'x.json'), JSON.parse(text));
});

test('NaN, Infinity and -Infinity are numbers outside strings and text inside', (t) => {
  const parsed = parsePythonJson('{"a": NaN, "b": [Infinity, -Infinity], "NaN": "Infinity"}', 'x.json');
  t.deepEqual(parsed, { a: NaN, b: [Infinity, -Infinity], NaN: 'Infinity' });
});

test('a mistake is named with its line and column', (t) => {
  const error = t.throws(() => parsePythonJson('{\n  "a": 1,\n  "b": ]\n}', 'dir/config.json'), {
    instanceOf: UserError,
  });
  t.is(error?.message, 'config.json is not valid JSON: line 3, column 8: expected a value, found "]"');
  t.is(error?.where, 'dir/config.json:3:8');
});

for (const [what, text] of [
  ['an empty text', ''],
  ['a text that ends early', '{"a": [1, 2'],
  ['an unclosed string', '{"a'],
  ['a trailing comma', '{"a": 1,}'],
  ['a comma too few', '[1 2]'],
  ['a rest', '{} {}'],
  ['a leading zero', '[01]'],
  ['an unknown word', '[nan]'],
  ['a minus before NaN', '[-NaN]'],
  ['a bare key', '{a: 1}'],
  ['a bad escape', '["\\x"]'],
  ['a line break in a string', '["a\nb"]'],
  ['a repeated key', '{"a": 1, "a": 2}'],
  ['brackets without end', '['.repeat(100_000)],
] as const)
  test(`${what} is an error`, (t) => {
    t.throws(() => parsePythonJson(text, 'x.json'), {
      instanceOf: UserError,
      message: /^x\.json is not valid JSON: line \d/,
    });
  });

test('a key called __proto__ is a key like any other', (t) => {
  const parsed = parsePythonJson('{"__proto__": {"polluted": 1}}', 'x.json') as object;
  t.deepEqual(Object.keys(parsed), ['__proto__']);
  t.is(Object.getPrototypeOf(parsed), Object.prototype);
});

test('what is formatted is read back, with sorted keys and non-finite numbers', (t) => {
  const value = { b: [1, { z: [], y: {} }], a: Infinity, c: 'x"\n', d: -Infinity, e: null };
  t.deepEqual(parsePythonJson(formatPythonJson(value), 'x.json'), value);
  t.is(formatPythonJson({ b: [1], a: NaN }), '{\n  "a": NaN,\n  "b": [\n    1\n  ]\n}\n');
});
