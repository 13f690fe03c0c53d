// Who writes to a run directory. Two processes on one journal would damage it.
import os from 'node:os';
import { z } from 'zod';
import { UserError } from '../user-error.js';

export const writerSchema = z.object({ pid: z.int(), host: z.string() });
export type Writer = z.infer<typeof writerSchema>;

export function thisWriter(): Writer {
  return { pid: process.pid, host: os.hostname() };
}

/**
 * A writer on another machine cannot be looked for, and is believed gone.
 * @throws UserError 'data' when another process of this machine is at work on the run.
 */
export function checkNobodyWrites(writer: Writer | null, directory: string): void {
  if (writer === null || writer.host !== os.hostname() || writer.pid === process.pid || !isAlive(writer.pid)) return;
  throw new UserError('data', `process ${writer.pid} is still at work on this run`, {
    where: directory,
    hint: 'wait for it, or stop it and then --resume',
  });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
