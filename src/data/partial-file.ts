// Half-downloaded files: each belongs to one download at a time, and the next one goes on from what a dead one left.
import { randomBytes } from 'node:crypto';
import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';

/**
 * A path in `directory` for a download of the content that `key` stands for, owned by the caller alone. What an earlier
 * download of it left, given back or by a process that is no more, lies there already.
 */
export async function claimPartialFile(directory: string, key: string): Promise<string> {
  const own = path.join(directory, `.${key}.${process.pid}-${randomBytes(4).toString('hex')}.part`);
  for (const name of await readdir(directory)) {
    if (!isAbandoned(name, key)) continue;
    // Of two that claim one file, the second finds it gone.
    const claimed = await rename(path.join(directory, name), own).then(
      () => true,
      () => false,
    );
    if (claimed) break;
  }
  return own;
}

/** Leaves a claimed file to the next download. */
export async function giveBackPartialFile(own: string, key: string): Promise<void> {
  await rename(own, path.join(path.dirname(own), `.${key}.part`)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

function isAbandoned(name: string, key: string): boolean {
  if (!name.startsWith(`.${key}.`) || !name.endsWith('.part')) return false;
  if (name === `.${key}.part`) return true;
  const owner = Number(name.slice(key.length + 2).split('-')[0]);
  return Number.isInteger(owner) && owner > 0 && !isAlive(owner);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
