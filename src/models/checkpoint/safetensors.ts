// Reads the safetensors format (huggingface/safetensors, README "Format"): 8 bytes header length, a JSON header, the tensors'
// bytes. The header is checked whole before anything is believed; tensors are then read one by one, so that a file is never
// in memory twice. Values come as float32 whatever they are stored as; only float64 loses precision.
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../../user-error.js';
import { parsePythonJson } from './config-json.js';
import { explainFileError } from '../../file-errors.js';
import { floatFromBfloat, floatFromHalf } from './half-precision.js';

const BYTES_PER_VALUE = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4 } as const;
export type SafetensorsDtype = keyof typeof BYTES_PER_VALUE;

/** The format's own bound, so that a damaged length does not ask for a terabyte. */
const MAX_HEADER_BYTES = 100_000_000;
/** One read request of the operating system; Linux stops just below 2 GiB. */
const MAX_READ_BYTES = 2 ** 30;

export interface SafetensorsEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Position of its first byte in the file. */
  readonly offset: number;
}

export interface SafetensorsFile {
  readonly file: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the bytes. */
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
}

/** A tensor whose values, row-major, are fetched when their turn comes: one at a time is in memory. */
export interface TensorSource {
  readonly shape: readonly number[];
  read(): Promise<Float32Array>;
}

/** Rows `start` to before `end` along the first axis. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

const headerEntry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const headerMetadata = z.record(z.string(), z.string());

/** Reads and checks the header. @throws UserError 'data' that names the file, the tensor, what was expected and what was found. */
export async function openSafetensors(file: string): Promise<SafetensorsFile> {
  const size = await fileSize(file);
  const name = path.basename(file);
  if (size < 8) throw damaged(file, `${name} holds ${bytes(size)}, expected a safetensors file of at least 8 bytes`);
  const headerBytes = new DataView(await readBytes(file, 0, 8)).getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER_BYTES, size - 8);
  if (headerBytes > limit)
    throw damaged(file, `${name} claims a header of ${bytes(headerBytes)}, expected at most ${bytes(limit)}`);
  const dataStart = 8 + Number(headerBytes);
  const header = parseHeader(await readBytes(file, 8, Number(headerBytes)), file);
  const { __metadata__: metadata = {}, ...entries } = header;
  return {
    file,
    metadata: checked(headerMetadata, metadata, '__metadata__', file),
    tensors: checkEntries(entries, dataStart, size - dataStart, file),
  };
}

function parseHeader(raw: ArrayBuffer, file: string): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(raw);
  } catch (error) {
    throw damaged(file, `the header of ${path.basename(file)} is not UTF-8 text`, error);
  }
  const header = parsePythonJson(text, file);
  if (header === null || typeof header !== 'object' || Array.isArray(header))
    throw damaged(file, `the header of ${path.basename(file)} is not a JSON object`);
  return header;
}

/** The tensors must cover the data without a gap, an overlap or a rest, and each must have the size that its shape asks for. */
function checkEntries(
  entries: Record<string, unknown>,
  dataStart: number,
  dataBytes: number,
  file: string,
): Map<string, SafetensorsEntry> {
  const fileName = path.basename(file);
  const parsed = Object.entries(entries)
    .map(([name, entry]) => ({ name, ...checked(headerEntry, entry, name, file) }))
    .sort((a, b) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1]);
  const tensors = new Map<string, SafetensorsEntry>();
  let covered = 0;
  for (const { name, dtype, shape, data_offsets } of parsed) {
    const [start, end] = data_offsets;
    const tensor = `tensor ${name} of ${fileName}`;
    if (!isSupported(dtype))
      throw damaged(file, `${tensor} has dtype ${dtype}, expected one of ${Object.keys(BYTES_PER_VALUE).join(', ')}`);
    const size = elementCount(shape) * BYTES_PER_VALUE[dtype];
    if (end - start !== size)
      throw damaged(
        file,
        `${tensor} has ${bytes(end - start)}, expected ${bytes(size)} for ${dtype} ${formatShape(shape)}`,
      );
    if (end > dataBytes)
      throw damaged(file, `${tensor} ends at byte ${end} of the data, but the file has ${bytes(dataBytes)} of data`);
    if (start !== covered)
      throw damaged(
        file,
        `${tensor} starts at byte ${start} of the data, expected ${covered}, where the one before it ends`,
      );
    covered = end;
    tensors.set(name, { dtype, shape, offset: dataStart + start });
  }
  if (covered !== dataBytes)
    throw damaged(file, `${fileName} has ${bytes(dataBytes)} of data, but its tensors cover ${bytes(covered)}`);
  return tensors;
}

/**
 * The values of a tensor, or of some of its rows, as float32 in row-major order. Exact for F32, F16 and BF16.
 * @throws UserError 'data' when the tensor is missing or holds integers.
 */
export async function readFloats(source: SafetensorsFile, name: string, rows?: RowRange): Promise<Float32Array> {
  const { dtype, raw } = await readRaw(source, name, rows);
  switch (dtype) {
    case 'F32':
      return new Float32Array(raw);
    case 'F64':
      return Float32Array.from(new Float64Array(raw));
    case 'F16':
      return floatFromHalf(new Uint16Array(raw));
    case 'BF16':
      return floatFromBfloat(new Uint16Array(raw));
    case 'I32':
    case 'I64':
      throw wrongTensor(source, name, `has dtype ${dtype}, expected floats`);
    default:
      throw new Error(dtype satisfies never);
  }
}

/** The values of an I32 or I64 tensor. @throws UserError 'data' when it is missing, holds floats, or a number beyond 2^53. */
export async function readIntegers(source: SafetensorsFile, name: string): Promise<number[]> {
  const { dtype, raw } = await readRaw(source, name);
  if (dtype === 'I32') return Array.from(new Int32Array(raw));
  if (dtype !== 'I64') throw wrongTensor(source, name, `has dtype ${dtype}, expected integers`);
  const values = Array.from(new BigInt64Array(raw), Number);
  if (!values.every(Number.isSafeInteger)) throw wrongTensor(source, name, 'holds integers beyond 2^53');
  return values;
}

async function readRaw(
  source: SafetensorsFile,
  name: string,
  rows?: RowRange,
): Promise<{ dtype: SafetensorsDtype; raw: ArrayBuffer }> {
  const entry = source.tensors.get(name);
  if (entry === undefined) throw wrongTensor(source, name, 'is not there');
  const rowBytes = elementCount(entry.shape.slice(1)) * BYTES_PER_VALUE[entry.dtype];
  const { start, end } = rows ?? { start: 0, end: entry.shape[0] ?? 1 };
  return {
    dtype: entry.dtype,
    raw: await readBytes(source.file, entry.offset + start * rowBytes, (end - start) * rowBytes),
  };
}

async function fileSize(file: string): Promise<number> {
  return withFile(file, async (handle) => {
    const stat = await handle.stat();
    if (!stat.isFile()) throw damaged(file, `${file} is not a file`);
    return stat.size;
  });
}

async function readBytes(file: string, position: number, length: number): Promise<ArrayBuffer> {
  return withFile(file, async (handle) => {
    const target = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(target, done, Math.min(length - done, MAX_READ_BYTES), position + done);
      if (bytesRead === 0) throw damaged(file, `${path.basename(file)} became shorter while it was read`);
      done += bytesRead;
    }
    return target.buffer;
  });
}

async function withFile<T>(file: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    return await use(handle);
  } catch (error) {
    throw explainFileError(error, 'read', file);
  } finally {
    await handle?.close();
  }
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

function isSupported(dtype: string): dtype is SafetensorsDtype {
  return Object.hasOwn(BYTES_PER_VALUE, dtype);
}

function checked<T>(schema: z.ZodType<T>, value: unknown, name: string, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const at = [name, ...issue.path].join('.');
  throw damaged(file, `the header of ${path.basename(file)} is wrong at ${at}: ${issue.message}`);
}

function wrongTensor({ file }: SafetensorsFile, name: string, what: string): UserError {
  return new UserError('data', `tensor ${name} of ${path.basename(file)} ${what}`, { where: file });
}

function damaged(file: string, message: string, cause?: unknown): UserError {
  return new UserError('data', message, { where: file, hint: 'copy or download the file again', cause });
}

function bytes(count: number | bigint): string {
  return `${count.toLocaleString('en-US')} bytes`;
}
