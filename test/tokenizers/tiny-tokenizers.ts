// Tokenizers small enough to work out by hand: descriptions and files of each format.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { TokenizerSettings } from '../../src/tokenizers/special-tokens.js';
import type { JsonObject } from '../../src/tokenizers/tokenizer-file.js';

/** No file beside the tokenizer's own. */
export const noSettings: TokenizerSettings = {
  tokenizerConfig: {},
  specialTokensMap: {},
  generationConfig: {},
  config: {},
};

/** Vocabulary of a byte-level BPE: the characters (`\u0120` is the space), then what each merge makes, in their order. */
export function vocabularyOf(
  characters: string,
  merges: readonly (readonly [string, string])[],
): Record<string, number> {
  const tokens = [...characters, ...merges.map(([left, right]) => left + right)];
  return Object.fromEntries([...new Set(tokens)].map((token, id) => [token, id]));
}

/** A tokenizer.json of GPT-NeoX's kind, with `<|endoftext|>` as its last id. */
export function byteLevelBpe(characters: string, merges: readonly (readonly [string, string])[]): JsonObject {
  const vocab = vocabularyOf(characters, merges);
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };
  return {
    version: '1.0',
    added_tokens: [{ id: Object.keys(vocab).length, content: '<|endoftext|>', special: true, normalized: false }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges: merges.map((merge) => merge.join(' ')) },
  };
}

/** a 0, b 1, c 2, space 3, ab 4, space-a 5, abc 6, end 7. */
export const tinyBpe = byteLevelBpe('abc\u0120', [
  ['a', 'b'],
  ['\u0120', 'a'],
  ['ab', 'c'],
]);

export interface TinyPiece {
  text: string;
  score?: number;
  /** As in sentencepiece_model.proto: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. */
  type?: number;
}

export const bytePiece = (byte: number): TinyPiece => ({
  text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  type: 6,
});

export interface TinyModel {
  /** After `<unk>` 0, `<s>` 1, `</s>` 2, and with byte fallback the bytes from 3 on. */
  pieces: TinyPiece[];
  /** 1 unigram, 2 BPE. */
  modelType?: number;
  byteFallback?: boolean;
  whitespaceAsSuffix?: boolean;
  charsmap?: string;
  addDummyPrefix?: boolean;
  removeExtraWhitespaces?: boolean;
}

/** A `tokenizer.model`, written field by field. */
export function sentencePieceModel({ pieces, ...flags }: TinyModel): Buffer {
  const { modelType = 2, byteFallback = false, whitespaceAsSuffix = false, charsmap = '' } = flags;
  const all: TinyPiece[] = [
    { text: '<unk>', type: 2 },
    { text: '<s>', type: 3 },
    { text: '</s>', type: 3 },
    ...(byteFallback ? Array.from({ length: 256 }, (_, byte) => bytePiece(byte)) : []),
    ...pieces,
  ];
  const trainer = [varintField(3, modelType), varintField(24, +whitespaceAsSuffix), varintField(35, +byteFallback)];
  const normalizer = [
    bytesField(1, charsmap === '' ? 'identity' : 'nmt_nfkc'),
    bytesField(2, charsmap),
    varintField(3, +(flags.addDummyPrefix ?? true)),
    varintField(4, +(flags.removeExtraWhitespaces ?? false)),
  ];
  return Buffer.concat([
    ...all.map(({ text, score = 0, type = 1 }) =>
      bytesField(1, Buffer.concat([bytesField(1, text), floatField(2, score), varintField(3, type)])),
    ),
    // pad_id -1, in the ten bytes that a negative number takes
    bytesField(2, Buffer.concat([...trainer, Buffer.from('d802ffffffffffffffffff01', 'hex')])),
    bytesField(3, Buffer.concat(normalizer)),
  ]);
}

function varint(value: number): Buffer {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return Buffer.from([...bytes, value]);
}

function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function bytesField(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function floatField(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint(number * 8 + 5), bytes]);
}

export type Files = Record<string, string | Buffer | JsonObject>;

/** A directory with these files, for one test. */
export async function directoryWith(t: ExecutionContext<unknown>, files: Files): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-tokenizer-'));
  t.teardown(() => rm(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files))
    await writeFile(
      path.join(directory, name),
      typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content),
    );
  return directory;
}
