// Writes the safetensors format (huggingface/safetensors, README "Format"), float values only.
import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../user-error.js';
import { bfloatFromFloat, halfFromFloat } from './half-precision.js';
import { elementCount, formatShape, type TensorSource } from './safetensors.js';
import { writeAtomically } from '../../write-atomically.js';

/** How weights are stored on disk. */
export type StorageDtype = 'f32' | 'f16' | 'bf16';

const FORMATS = {
  f32: { name: 'F32', bytes: 4, encode: (values: Float32Array) => values },
  f16: { name: 'F16', bytes: 2, encode: halfFromFloat },
  bf16: { name: 'BF16', bytes: 2, encode: bfloatFromFloat },
} as const;

export function storedBytes(shape: readonly number[], dtype: StorageDtype): number {
  return elementCount(shape) * FORMATS[dtype].bytes;
}

/**
 * Narrow dtypes round to nearest even. The metadata `format: pt` is what transformers asks of a file it loads.
 * @throws UserError 'failure' when the file cannot be written, 'data' when a finite value is out of float16's range.
 */
export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, TensorSource>,
  dtype: StorageDtype,
): Promise<void> {
  await writeAtomically(file, async (handle) => {
    await writeAll(handle, encodeHeader(tensors, dtype));
    for (const [name, tensor] of tensors) await writeAll(handle, await encodeTensor(name, tensor, dtype));
  });
}

function encodeHeader(tensors: ReadonlyMap<string, TensorSource>, dtype: StorageDtype): Uint8Array {
  const header: [string, unknown][] = [['__metadata__', { format: 'pt' }]];
  let offset = 0;
  for (const [name, { shape }] of tensors) {
    const end = offset + storedBytes(shape, dtype);
    header.push([name, { dtype: FORMATS[dtype].name, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  bytes.set(json, 8);
  return bytes;
}

async function encodeTensor(name: string, tensor: TensorSource, dtype: StorageDtype): Promise<Uint8Array> {
  const values = await tensor.read();
  if (values.length !== elementCount(tensor.shape))
    throw new Error(`${name} has ${values.length} values for shape ${formatShape(tensor.shape)}`);
  if (dtype === 'f16') checkHalfRange(name, values);
  const encoded = FORMATS[dtype].encode(values);
  return new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength);
}

function checkHalfRange(name: string, values: Float32Array): void {
  let outside = 0;
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]!) >= 65520 && Number.isFinite(values[i])) outside++;
  if (outside > 0)
    throw new UserError('data', `${outside} values of ${name} are beyond float16, which ends at 65,504`, {
      hint: 'store the weights as bf16 or f32',
    });
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length)
    done += (await handle.write(bytes, done, Math.min(bytes.length - done, 2 ** 30))).bytesWritten;
}
