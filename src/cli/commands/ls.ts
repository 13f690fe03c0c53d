// `swat-eval ls tasks|baselines|backends`: what there is to name on the command line.
import { Argument } from 'commander';
import { options } from '../options.js';
import type { SharedFlags } from '../options.js';
import type { CommandDefinition } from '../program.js';

const KINDS = ['tasks', 'baselines', 'backends'] as const;

/** The same list twice: as objects for --json, as cells for people. */
interface Listing {
  entries: readonly object[];
  header: readonly string[];
  rows: readonly (readonly string[])[];
}

export const ls: CommandDefinition = (program) => {
  program
    .command('ls')
    .description('List tasks, baselines or backends.')
    .addArgument(new Argument('<what>', 'what to list').choices(KINDS))
    .addOption(options.json)
    .addOption(options.verbose)
    .action(async (what: (typeof KINDS)[number], flags: Pick<SharedFlags, 'json'>) => {
      const listing = await list(what);
      process.stdout.write(flags.json ? `${JSON.stringify(listing.entries, null, 2)}\n` : await asText(listing));
    });
};

function list(what: (typeof KINDS)[number]): Promise<Listing> {
  switch (what) {
    case 'tasks':
      return listTaskRows();
    case 'baselines':
      return listBaselineRows();
    case 'backends':
      return listBackendRows();
    default:
      return what satisfies never;
  }
}

async function listTaskRows(): Promise<Listing> {
  const { listTasks, taskGroups } = await import('../../tasks/registry.js');
  const tasks = (await listTasks()).map(({ name, aliases, kind, dataset, metrics, description }) => {
    return { name, aliases, kind, rows: dataset.rows, metrics, description };
  });
  const groups = taskGroups.map((group) => ({ kind: 'group' as const, ...group }));
  return {
    entries: [...tasks, ...groups],
    header: ['task', 'aliases', 'kind', 'documents', 'metrics', 'what'],
    rows: [
      ...tasks.map((task) => [
        task.name,
        task.aliases.join(', '),
        task.kind,
        String(task.rows),
        task.metrics.join(', '),
        task.description,
      ]),
      ...groups.map((group) => [group.name, '', group.kind, '', '', group.description]),
    ],
  };
}

async function listBaselineRows(): Promise<Listing> {
  const { listBaselines } = await import('../../models/registry.js');
  const baselines = await listBaselines();
  const entries = baselines.map(({ name, label, sizes, description, paper }) => {
    return { name, label, sizes: Object.keys(sizes), description, paper };
  });
  return {
    entries,
    header: ['baseline', 'label', 'sizes', 'what', 'paper'],
    rows: entries.map((baseline) => [
      baseline.name,
      baseline.label,
      baseline.sizes.join(', '),
      baseline.description,
      baseline.paper,
    ]),
  };
}

async function listBackendRows(): Promise<Listing> {
  const { listBackends } = await import('../../backends/list-backends.js');
  const entries = await listBackends();
  return {
    entries,
    header: ['backend', 'available', 'why'],
    rows: entries.map((backend) => [backend.name, backend.available ? 'yes' : 'no', backend.reason]),
  };
}

async function asText({ header, rows }: Listing): Promise<string> {
  const { renderText } = await import('../../report/render-text.js');
  const { textCell } = await import('../../report/table.js');
  const columns = header.map((title) => ({ key: title, title, align: 'left' as const }));
  return renderText({ columns, sections: [rows.map((cells) => cells.map(textCell))], remarks: [] });
}
