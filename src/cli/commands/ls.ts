// `swat-eval ls tasks|baselines|checkpoints|backends`: what there is to name on the command line.
import { Argument } from 'commander';
import { options } from '../options.js';
import type { SharedFlags } from '../options.js';
import type { CommandDefinition } from '../program.js';

const KINDS = ['tasks', 'baselines', 'checkpoints', 'backends'] as const;

/** The same list twice: as objects for --json, as cells for people. */
interface Listing {
  entries: readonly object[];
  header: readonly string[];
  rows: readonly (readonly string[])[];
  /** Printed below the cells. */
  remarks?: readonly string[];
}

export const ls: CommandDefinition = (program) => {
  program
    .command('ls')
    .description('List tasks, baselines, shipped checkpoints or backends.')
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
    case 'checkpoints':
      return listCheckpointRows();
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

/** The size and the position that costs are given for: where the paper's models are compared, at their training length. */
const COST_OF = { size: '340m', position: 4096 } as const;

async function listBaselineRows(): Promise<Listing> {
  const { listBaselines } = await import('../../models/registry.js');
  const { parameterCount } = await import('../../report/number-text.js');
  const { size, position } = COST_OF;
  const entries = (await listBaselines()).map(({ name, label, sizes, description, paper, reference, cost }) => {
    const shape = sizes[size];
    if (shape === undefined) throw new Error(`${name} has no size ${size}`);
    const costOfSize = cost(shape);
    return {
      name,
      label,
      sizes: Object.keys(sizes),
      description,
      paper,
      reference,
      cost: {
        size,
        position,
        parameters: costOfSize.parameters,
        stateBytes: costOfSize.stateBytes(1, position),
        flopsPerToken: costOfSize.flopsPerToken({ kind: 'decode', position }),
      },
    };
  });
  return {
    entries,
    header: ['baseline', 'sizes', 'params', 'state', 'FLOPs/token', 'reference', 'golden', 'what'],
    rows: entries.map(({ name, sizes, cost, reference, description }) => [
      name,
      sizes.join(', '),
      parameterCount(cost.parameters),
      `${(cost.stateBytes / 2 ** 20).toFixed(1)} MiB`,
      parameterCount(cost.flopsPerToken),
      reference.source,
      reference.golden.length === 0 ? 'none' : `${reference.golden.length} met`,
      description,
    ]),
    remarks: [
      `params, state and FLOPs/token: ${size}, f32, one row, the token at position ${position}.`,
      'golden: models computed by the reference whose logits, loss and gradients the tests compare with ours.',
    ],
  };
}

async function listCheckpointRows(): Promise<Listing> {
  const { listShipped } = await import('../../models/shipped-checkpoints.js');
  const { parameterCount, thousands } = await import('../../report/number-text.js');
  const entries = await listShipped();
  return {
    entries,
    header: ['checkpoint', 'model', 'params', 'tokenizer', 'trained on'],
    rows: entries.map(({ name, modelType, parameters, tokenizer, trainingTokens }) => [
      name,
      modelType,
      parameterCount(parameters),
      `${tokenizer.name}, ${thousands(tokenizer.vocabularySize)} ids`,
      trainingTokens === null ? 'no record' : `${parameterCount(trainingTokens)} tokens`,
    ]),
    remarks: entries.length === 0 ? ['this build comes without checkpoints.'] : [],
  };
}

async function listBackendRows(): Promise<Listing> {
  const { listBackends } = await import('../../backends/list-backends.js');
  const entries = await listBackends();
  return {
    entries,
    header: ['backend', 'available', 'why'],
    rows: entries.map((backend) => [backend.name, backend.available ? 'yes' : 'no', backend.reason]),
    remarks: entries.flatMap(({ name, features }) =>
      Object.entries(features).map(([what, value]) => `${name}: ${what}: ${value}`),
    ),
  };
}

async function asText({ header, rows, remarks = [] }: Listing): Promise<string> {
  const { renderText } = await import('../../report/render-text.js');
  const { textCell } = await import('../../report/table.js');
  const columns = header.map((title) => ({ key: title, title, align: 'left' as const }));
  return renderText({ columns, sections: [rows.map((cells) => cells.map(textCell))], remarks });
}
