// A cell of a sweep as a process of its own: this program with other arguments, its output in table.txt and log.txt.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { makeDirectories } from '../make-directories.js';
import type { CellProcess } from '../sweep/run-sweep.js';
import { UserError } from '../user-error.js';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

/**
 * Cells that run side by side share the cores among them. A cell has a process group of its own: Ctrl-C on the terminal comes to
 * it once, through the signal, and not twice, which would kill it.
 * @param launcher words of a command that is given the cell's, with `{job}` for a number below `jobs` that no other cell has at
 *   that time: what gives each job a GPU or a machine of its own
 */
export function createCellStarter(jobs: number, dataDir: string | undefined, launcher: readonly string[] = []) {
  const free = Array.from({ length: jobs }, (_, job) => job);
  const threads = Math.max(1, Math.floor(os.availableParallelism() / jobs));
  const environment = {
    ...process.env,
    ...(jobs > 1 ? { OPENBLAS_NUM_THREADS: String(threads) } : {}),
    ...(dataDir === undefined ? {} : { SWAT_EVAL_DATA: dataDir }),
  };
  return async (
    command: string,
    argv: readonly string[],
    directory: string,
    signal: AbortSignal,
  ): Promise<CellProcess> => {
    makeDirectories(directory);
    const table = createWriteStream(path.join(directory, 'table.txt'));
    const log = createWriteStream(path.join(directory, 'log.txt'), { flags: 'a' });
    const job = free.shift() ?? 0;
    const [program, ...words] = [
      ...launcher.map((word) => word.replaceAll('{job}', String(job))),
      ...[process.execPath, MAIN, command, ...argv],
    ];
    const child = spawn(program!, words, {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const stop = () => void child.kill(signal.reason === 'SIGTERM' ? 'SIGTERM' : 'SIGINT');
    signal.addEventListener('abort', stop, { once: true });
    let lastLine = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      lastLine = lines.findLast((line) => !line.startsWith('  try: ')) ?? lastLine;
    });
    child.stdout.pipe(table);
    child.stderr.pipe(log);
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.on('error', (cause) =>
        reject(
          new UserError('usage', `no cell can be started by ${program}: ${cause.message}`, { hint: 'see --launcher' }),
        ),
      );
      child.on('close', (code, killedBy) => resolve(code ?? 128 + os.constants.signals[killedBy!]));
    });
    signal.removeEventListener('abort', stop);
    free.unshift(job);
    await Promise.all([finished(table), finished(log)]);
    return { exitCode, lastLine };
  };
}
