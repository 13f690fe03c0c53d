// What a SentencePiece `tokenizer.model` holds. Truth: sentencepiece_model.proto (field numbers and defaults) and the checks of
// ModelInterface::InitializePieces, google/sentencepiece 0.2.
import { UserError } from '../user-error.js';
import { protobufFields } from './protobuf.js';
import type { ProtobufField } from './protobuf.js';

export type PieceType = 'normal' | 'unknown' | 'control' | 'user-defined' | 'unused' | 'byte';

export interface Piece {
  readonly text: string;
  /** The higher, the earlier two symbols merge into this piece. */
  readonly score: number;
  readonly type: PieceType;
}

/** How a text is changed before it is cut into pieces. */
export interface Normalization {
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  /** Whether a space becomes U+2581. */
  readonly escapeWhitespaces: boolean;
}

/** A BPE model; the id of a piece is its position. */
export interface SentencePieceModel {
  readonly pieces: readonly Piece[];
  readonly unknownId: number;
  /** What an unknown piece decodes to. */
  readonly unknownSurface: string;
  /** Ids of `<0x00>` to `<0xFF>`, the pieces of the UTF-8 bytes of a character that is no piece; null without this fallback. */
  readonly byteIds: readonly number[] | null;
  readonly bosPiece: string;
  readonly eosPiece: string;
  readonly normalization: Normalization;
}

const PIECE_TYPES: readonly (PieceType | undefined)[] = [
  undefined,
  'normal',
  'unknown',
  'control',
  'user-defined',
  'unused',
  'byte',
];
const MODEL_TYPES = [undefined, 'unigram', 'BPE', 'word', 'char'];

/** @throws UserError 'data' when the file is damaged, or its model is not a BPE model with plain normalization */
export function parseSentencePieceModel(content: Buffer, file: string): SentencePieceModel {
  let message: ModelMessage;
  try {
    message = readModel(content);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw damaged(file, cause.message, cause);
  }
  const { pieces, trainer } = message;
  if (pieces.length === 0) throw damaged(file, 'it has no pieces');
  rejectUnsupported(message, file);
  const unknownId = pieces.findIndex((piece) => piece.type === 'unknown');
  if (unknownId < 0) throw damaged(file, 'it has no unknown piece');
  if (new Set(pieces.map((piece) => piece.text)).size < pieces.length)
    throw damaged(file, 'a piece stands in it twice');
  const byteIds = trainer.byteFallback ? bytePieces(pieces) : null;
  if (byteIds?.includes(-1)) throw damaged(file, 'it lacks a piece for one of the bytes');
  return {
    pieces,
    unknownId,
    unknownSurface: trainer.unknownSurface,
    byteIds,
    bosPiece: trainer.bosPiece,
    eosPiece: trainer.eosPiece,
    normalization: message.normalizer,
  };
}

function bytePieces(pieces: readonly Piece[]): number[] {
  const ids = new Map(pieces.flatMap((piece, id) => (piece.type === 'byte' ? [[piece.text, id]] : [])));
  return Array.from(
    { length: 256 },
    (_, byte) => ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`) ?? -1,
  );
}

function rejectUnsupported({ trainer, normalizer }: ModelMessage, file: string): void {
  const hint = 'the tokenizer.json of the same model, which is read as well';
  if (trainer.modelType !== 2)
    throw new UserError(
      'data',
      `a SentencePiece model of type ${MODEL_TYPES[trainer.modelType] ?? 'unknown'} is not supported, only BPE`,
      {
        where: file,
        hint,
      },
    );
  if (normalizer.charsmapBytes > 0)
    throw new UserError(
      'data',
      `the SentencePiece normalization "${normalizer.name}" is not supported, only "identity"`,
      {
        where: file,
        hint,
      },
    );
  if (trainer.whitespaceAsSuffix)
    throw new UserError('data', 'a SentencePiece model with white space as a suffix is not supported', {
      where: file,
      hint,
    });
}

function damaged(file: string, what: string, cause?: unknown): UserError {
  return new UserError('data', `not a SentencePiece model, or a damaged one: ${what}`, {
    where: file,
    hint: 'fetch the file again, or give a tokenizer.json',
    cause,
  });
}

interface ModelMessage {
  pieces: Piece[];
  trainer: ReturnType<typeof readTrainer>;
  normalizer: ReturnType<typeof readNormalizer>;
}

function readModel(content: Buffer): ModelMessage {
  const pieces: Piece[] = [];
  let trainer: Buffer = Buffer.alloc(0);
  let normalizer: Buffer = Buffer.alloc(0);
  for (const field of protobufFields(content)) {
    if (field.kind !== 'bytes') continue;
    if (field.number === 1) pieces.push(readPiece(field.value));
    else if (field.number === 2) trainer = field.value;
    else if (field.number === 3) normalizer = field.value;
  }
  return { pieces, trainer: readTrainer(trainer), normalizer: readNormalizer(normalizer) };
}

function readPiece(message: Buffer): Piece {
  const fields = byNumber(message);
  const type = PIECE_TYPES[numberOr(fields.get(3), 1)];
  if (type === undefined) throw new RangeError('a piece has an unknown type');
  const text = stringOr(fields.get(1), '');
  if (text === '') throw new RangeError('a piece has no text');
  return { text, score: numberOr(fields.get(2), 0), type };
}

function readTrainer(message: Buffer) {
  const fields = byNumber(message);
  return {
    modelType: numberOr(fields.get(3), 1),
    whitespaceAsSuffix: numberOr(fields.get(24), 0) !== 0,
    byteFallback: numberOr(fields.get(35), 0) !== 0,
    unknownSurface: stringOr(fields.get(44), ' \u2047 '),
    bosPiece: stringOr(fields.get(46), '<s>'),
    eosPiece: stringOr(fields.get(47), '</s>'),
  };
}

function readNormalizer(message: Buffer) {
  const fields = byNumber(message);
  const charsmap = fields.get(2);
  return {
    name: stringOr(fields.get(1), ''),
    charsmapBytes: charsmap?.kind === 'bytes' ? charsmap.value.length : 0,
    addDummyPrefix: numberOr(fields.get(3), 1) !== 0,
    removeExtraWhitespaces: numberOr(fields.get(4), 1) !== 0,
    escapeWhitespaces: numberOr(fields.get(5), 1) !== 0,
  };
}

function byNumber(message: Buffer): Map<number, ProtobufField> {
  return new Map([...protobufFields(message)].map((field) => [field.number, field]));
}

function numberOr(field: ProtobufField | undefined, otherwise: number): number {
  return field === undefined || field.kind === 'bytes' ? otherwise : field.value;
}

function stringOr(field: ProtobufField | undefined, otherwise: string): string {
  return field?.kind === 'bytes' ? field.value.toString('utf8') : otherwise;
}
