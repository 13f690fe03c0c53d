// A file is there whole or not at all: written under a temporary name beside its place, flushed, then renamed.
import { randomUUID } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError } from './file-errors.js';
import { makeDirectories } from './make-directories.js';

/**
 * Makes the directory where it is missing. A content too large for memory is written by a function.
 * @throws UserError 'failure' when the place cannot be written; what stood there before is still there.
 */
export async function writeAtomically(
  file: string,
  content: string | Uint8Array | ((handle: FileHandle) => Promise<void>),
): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  let handle: FileHandle | undefined;
  try {
    makeDirectories(path.dirname(file));
    handle = await open(temporary, 'w');
    await (typeof content === 'function' ? content(handle) : handle.writeFile(content));
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle?.close();
    await rm(temporary, { force: true }).catch(() => {}); // the first error is the one to tell
    throw explainFileError(error, 'write', file);
  }
}
