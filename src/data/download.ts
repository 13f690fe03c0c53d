// Downloads one file of the hub beside its destination, goes on where an earlier download stopped, and checks size and digest.
import { createHash } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { UserError } from '../user-error.js';
import { type Hub, PassingFailure, get, withTries } from './hub-client.js';
import type { HubFile } from './hub-files.js';
import { claimPartialFile, giveBackPartialFile } from './partial-file.js';

/**
 * @param directory An existing folder, on the file system of the file that is made of the download.
 * @returns A path in it that is the caller's to delete.
 * @throws UserError 'data'. What arrived before a failure that may pass stays for the next download; after any other
 *   nothing stays.
 */
export async function download(hub: Hub, file: HubFile, directory: string): Promise<string> {
  const key = partialKey(file);
  const partial = await claimPartialFile(directory, key);
  try {
    await withTries(hub, () => fetchRest(hub, file, partial));
    await checkDigest(hub, file, partial);
    return partial;
  } catch (error) {
    const mayPass = error instanceof UserError && error.cause instanceof PassingFailure;
    await (mayPass ? giveBackPartialFile(partial, key) : rm(partial, { force: true }));
    throw error;
  }
}

/** Names the content, so that bytes of two versions never meet in one file. A digest, so that no name of the hub is a path. */
function partialKey({ repository, revision, path, digest }: HubFile): string {
  const identity = JSON.stringify([repository, revision, path, digest.hex]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 16);
}

function addressOf(hub: Hub, { repository, revision, path }: HubFile): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return `${hub.endpoint}/datasets/${repository}/resolve/${encodeURIComponent(revision)}/${encoded}`;
}

/** Asks for what `partial` lacks, and appends it. */
async function fetchRest(hub: Hub, file: HubFile, partial: string): Promise<void> {
  const url = addressOf(hub, file);
  const output = await open(partial, 'a');
  try {
    let { size } = await output.stat();
    if (size === file.size) return;
    const answer = await get(hub, url, size > 0 ? { range: `bytes=${size}-` } : {});
    if (answer === null) throw new UserError('data', `${url} answers 404, though the hub lists it`, { where: url });
    const goesOn = answer.status === 206 && answer.headers.get('content-range')?.startsWith(`bytes ${size}-`);
    if (goesOn !== true) {
      await output.truncate();
      size = 0;
    }
    for await (const chunk of answer.body) {
      size += chunk.length;
      if (size > file.size) throw wrongBytes(url, `more than the ${file.size} that the hub lists`);
      await output.appendFile(chunk); // Not `write`, which on a full disk may write a part and call that success.
    }
    if (size < file.size) throw new PassingFailure(`${url} ends after ${size} of ${file.size} bytes`);
  } finally {
    await output.close();
  }
}

async function checkDigest(hub: Hub, file: HubFile, partial: string): Promise<void> {
  const bytes = await readFile(partial);
  const found =
    file.digest.kind === 'sha256'
      ? createHash('sha256').update(bytes).digest('hex')
      : createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  if (found !== file.digest.hex)
    throw wrongBytes(addressOf(hub, file), `${file.digest.kind} ${found}, where the hub lists ${file.digest.hex}`);
}

function wrongBytes(url: string, what: string): UserError {
  return new UserError('data', `${url} sends the wrong bytes: ${what}`, {
    where: url,
    hint: 'run the command again; if it stays so, the hub or a proxy on the way alters the file',
  });
}
