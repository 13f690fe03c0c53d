// What the operating system says about a file, as a sentence for the user.
import { UserError } from './user-error.js';

const REASONS: Record<string, string> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of its path is not a directory',
  EEXIST: 'a part of its path is not a directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
};

/** Anything but an operating system's error (a UserError from deeper down, a bug) comes back as it is. */
export function explainFileError(error: unknown, action: 'read' | 'write', file: string): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === undefined) return error;
  return new UserError(action === 'read' ? 'data' : 'failure', `cannot ${action} ${file}: ${REASONS[code] ?? code}`, {
    where: file,
    ...(action === 'write' ? { hint: 'a place that can be written to' } : {}),
    cause: error,
  });
}
