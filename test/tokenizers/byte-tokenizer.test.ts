import test from 'ava';
import { byteTokenizer, END_OF_TEXT } from '../../src/tokenizers/byte-tokenizer.js';
import { prefixTokenId } from '../../src/tokenizers/tokenizer.js';

test('a text becomes its UTF-8 bytes, and they become the text', (t) => {
  t.deepEqual(byteTokenizer.encode('aé\n'), [0x61, 0xc3, 0xa9, 0x0a]);
  t.is(byteTokenizer.decode(byteTokenizer.encode('naïve 日本 😀')), 'naïve 日本 😀');
});

test('the end of text is the prefix, lies in the vocabulary, and has no text', (t) => {
  t.is(prefixTokenId(byteTokenizer), END_OF_TEXT);
  t.is(byteTokenizer.vocabularySize, END_OF_TEXT + 1);
  t.is(byteTokenizer.decode([END_OF_TEXT, 0x61]), 'a');
  t.deepEqual(byteTokenizer.encode('a', { addSpecialTokens: true }), [0x61]);
});
