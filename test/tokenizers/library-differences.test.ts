import test from 'ava';
import { tokenizerFromJson } from '../../src/tokenizers/tokenizer-json.js';
import { byteLevelBpe, noSettings } from './tiny-tokenizers.js';

/** Every character is a token, and so is every whole piece: what a text splits into can be read from the tokens. */
function splitter(preTokenizer: object, pieces: readonly string[]) {
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const model = { type: 'BPE', vocab, merges: [], ignore_merges: true };
  const tokenizer = tokenizerFromJson({ pre_tokenizer: preTokenizer, model }, noSettings, 'tokenizer.json');
  return (text: string) => tokenizer.encode(text).map((id) => pieces[id]);
}

test('the GPT-2 split takes U+0085 for white space, and U+FEFF for none', (t) => {
  // The bytes C2 85 are written \u00c2 \u0127, and EF BB BF \u00ef \u00bb \u00bf.
  const merges = [
    ['\u00c2', '\u0127'],
    ['\u00ef', '\u00bb'],
    ['\u00ef\u00bb', '\u00bf'],
    ['\u00ef\u00bb\u00bf', '.'],
    ['.', '\u00c2\u0127'],
  ] as const;
  const tokenizer = tokenizerFromJson(
    byteLevelBpe('.\u00c2\u0127\u00ef\u00bb\u00bf', merges),
    noSettings,
    'tokenizer.json',
  );
  t.deepEqual(tokenizer.encode('\ufeff.').length, 1);
  t.deepEqual(tokenizer.encode('.\u0085').length, 2);
});

test('Metaspace splits before each space unless told not to', (t) => {
  const pieces = ['\u2581', '\u2581a', '\u2581\u2581a', 'a', 'b'];
  const metaspace = { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'never' };
  t.deepEqual(splitter(metaspace, pieces)('b  a'), ['b', '\u2581', '\u2581a']);
  t.deepEqual(splitter({ ...metaspace, split: false }, ['\u2581\u2581a'])('  a'), ['\u2581\u2581a']);
});

test('Metaspace with add_prefix_space false, as older files have it, adds none', (t) => {
  const metaspace = { type: 'Metaspace', replacement: '\u2581', add_prefix_space: false };
  t.deepEqual(splitter(metaspace, ['a', '\u2581a'])('a a'), ['a', '\u2581a']);
});

test('a Split joins its separators to the piece before, the piece after, or each other', (t) => {
  const pieces = ['a-', '-', 'b', 'a', '--', '-b'];
  const split = (behavior: string) =>
    splitter({ type: 'Split', pattern: { String: '-' }, behavior, invert: false }, pieces)('a--b');
  t.deepEqual(split('MergedWithPrevious'), ['a-', '-', 'b']);
  t.deepEqual(split('MergedWithNext'), ['a', '-', '-b']);
  t.deepEqual(split('Contiguous'), ['a', '--', 'b']);
  t.deepEqual(split('Isolated'), ['a', '-', '-', 'b']);
});
