// UTF-8 bytes as token ids: the tokenizer that needs no file. Ids 0-255 are the bytes, 256 is the end of a text.
import { createHash } from 'node:crypto';
import type { Tokenizer } from './tokenizer.js';

/** Stands before and after a text, as BOS and EOS. It has no text form: `encode` never gives it, `decode` leaves it out. */
export const END_OF_TEXT = 256;

export const byteTokenizer: Tokenizer = {
  name: 'bytes',
  vocabularySize: 257,
  bosTokenId: END_OF_TEXT,
  eosTokenId: END_OF_TEXT,
  fingerprint: createHash('sha256').update('bytes').digest('hex'),
  encode: (text) => [...Buffer.from(text, 'utf8')],
  decode: (ids) => Buffer.from(ids.filter((id) => id !== END_OF_TEXT)).toString('utf8'),
};
