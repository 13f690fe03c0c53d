// `swat-eval data pull|verify|path`: the benchmark files that the other commands read. stdout is paths, stderr what happens.
import { Option } from 'commander';
import type { Command } from 'commander';
import type { StoredRows } from '../../data/row-source.js';
import type { Task } from '../../tasks/task.js';
import { formatError, UserError } from '../../user-error.js';
import { options } from '../options.js';
import type { SharedFlags } from '../options.js';

type SourceFlags = Pick<SharedFlags, 'dataDir' | 'cacheDir'>;
type PullFlags = Pick<SharedFlags, 'cacheDir' | 'offline'> & { force?: boolean };

export const data = (program: Command): void => {
  const command = program.command('data').description('Fetch, check and find the files of benchmarks.');

  command
    .command('pull')
    .description('Fetch benchmarks from the Hugging Face hub (HF_ENDPOINT, HF_TOKEN) into the cache.')
    .argument('<task...>', 'tasks or groups')
    .addOption(options.cacheDir)
    .addOption(options.offline)
    .addOption(new Option('--force', 'fetch even what is there and right').conflicts('offline'))
    .addOption(options.verbose)
    .action(async (names: string[], { cacheDir, offline = false, force = false }: PullFlags) => {
      const { cacheDirectory } = await import('../../data/row-source.js');
      const { hubFromEnvironment } = await import('../../data/hub-client.js');
      const { storedTask } = await import('../../data/data-file.js');
      const { pullTask } = await import('../../data/pull-task.js');
      const cache = { kind: 'cache', path: cacheDir ?? cacheDirectory(process.env), offline } as const;
      const hub = hubFromEnvironment(process.env, printStatus);
      await printPaths(names, (task) => pullTask(storedTask(task), cache, { hub, force }));
    });

  command
    .command('verify')
    .description('Check the rows of benchmarks: their form, their number, the digest of the requests they give.')
    .argument('<task...>', 'tasks or groups')
    .addOption(options.dataDir)
    .addOption(options.cacheDir)
    .addOption(options.verbose)
    .action(async (names: string[], flags: SourceFlags) => {
      const { verifyTask } = await import('../../data/load-task.js');
      const source = await storedRows(flags);
      await printPaths(names, async (task) => {
        const { documents, digest, origin } = await verifyTask(task, source);
        printStatus(`${task.name}: ${documents.length.toLocaleString('en-US')} rows, request digest ${digest}`);
        return origin;
      });
    });

  command
    .command('path')
    .description('Print where the files of benchmarks lie, or belong.')
    .argument('[task...]', 'tasks or groups; without any, the data directory itself')
    .addOption(options.dataDir)
    .addOption(options.cacheDir)
    .addOption(options.verbose)
    .action(async (names: string[], flags: SourceFlags) => {
      const { dataDirectory } = await import('../../data/row-source.js');
      const { storedTask, taskPath } = await import('../../data/data-file.js');
      const source = await storedRows(flags);
      if (names.length === 0) console.log(dataDirectory(source));
      else await printPaths(names, async (task) => taskPath(storedTask(task), source));
    });
};

async function storedRows(flags: SourceFlags): Promise<StoredRows> {
  const { chooseStoredRows } = await import('../../data/row-source.js');
  return chooseStoredRows(flags, process.env);
}

/**
 * Prints the path that `pathOf` gives for each task; one task's failure does not keep the others from being done.
 * @throws UserError: the failure itself where there is one task; else 'partial', or 'data' when every task failed.
 */
async function printPaths(names: string[], pathOf: (task: Task) => Promise<string>): Promise<void> {
  const { resolveTasks } = await import('../../tasks/registry.js');
  const tasks = await resolveTasks(names);
  const failed: string[] = [];
  for (const task of tasks) {
    try {
      console.log(await pathOf(task));
    } catch (error) {
      if (!(error instanceof UserError) || tasks.length === 1) throw error;
      printStatus(formatError(error));
      failed.push(task.name);
    }
  }
  if (failed.length === 0) return;
  const kind = failed.length === tasks.length ? 'data' : 'partial';
  throw new UserError(kind, `${failed.length} of ${tasks.length} tasks failed: ${failed.join(', ')}`);
}

function printStatus(line: string): void {
  process.stderr.write(`${line}\n`);
}
