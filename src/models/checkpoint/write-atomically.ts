// A file is written under a temporary name beside its place and renamed when it is whole: nothing half-written is left behind.
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError } from './file-errors.js';

/** Makes the directory where it is missing. @throws UserError 'failure' when the place cannot be written. */
export async function writeAtomically(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  let handle: FileHandle | undefined;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    handle = await open(temporary, 'w');
    await write(handle);
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle?.close();
    await rm(temporary, { force: true });
    throw explainFileError(error, 'write', file);
  }
}
