// Files appear whole or not at all: written under a temporary name beside their place, then renamed.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../user-error.js';

/** @throws UserError 'failure' when the place cannot be written; nothing is left there then. */
export async function writeWholeFile(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first error is the one to tell
    throw cannotWrite(file, error as NodeJS.ErrnoException);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  ENOTDIR: 'a part of the path is a file, not a directory',
  EEXIST: 'a part of the path is a file, not a directory',
  EISDIR: 'a directory is in its place',
};

function cannotWrite(file: string, error: NodeJS.ErrnoException): UserError {
  const reason = REASONS[error.code ?? ''] ?? error.message;
  return new UserError('failure', `cannot write ${file}: ${reason}`, {
    where: file,
    hint: '--output with a directory that can be written',
    cause: error,
  });
}
