// Rows of a parquet file (Apache Parquet, by hyparquet) as plain JSON values.
import { readFile } from 'node:fs/promises';
import { UserError } from '../user-error.js';
import type { Row } from './rows.js';

/**
 * @param name What the errors and `Row.where` call the file.
 * @throws UserError 'data' when the file is no parquet file, or one that cannot be decoded.
 */
export async function readParquetRows(file: string, name: string): Promise<Row[]> {
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const bytes = await readFile(file);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  try {
    const values = await parquetReadObjects({ file: buffer, compressors });
    return values.map((value, index) => ({
      value: toJson(value) as Record<string, unknown>,
      where: `${name}:${index + 1}`,
    }));
  } catch (cause) {
    throw new UserError('data', `${name} is no readable parquet file: ${(cause as Error).message}`, {
      where: name,
      cause,
    });
  }
}

/** 64-bit integers, which hyparquet gives as BigInt, become numbers. */
function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object' && value !== null && !(value instanceof Date))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toJson(member)]));
  return value;
}
