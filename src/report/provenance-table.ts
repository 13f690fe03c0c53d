// Where the numbers of a report come from: one row a run, with what would have to be the same to get them again.
import type { BuildInfo } from '../package-root.js';
import { parameterCount } from './number-text.js';
import type { Found } from './read-run.js';
import { MISSING, textCell, type Column, type Row, type Table } from './table.js';

interface Origin {
  readonly kind: 'run' | 'ppl' | 'bench' | 'train';
  readonly runId: string;
  readonly date: string;
  readonly model: {
    readonly spec: string;
    readonly label: string;
    readonly parameters: number;
    /** Absent in training, which makes them. */
    readonly weightsDigest?: string;
  };
  readonly engine: { readonly backend: string; readonly dtype: string; readonly device: string };
  readonly seed: number;
  readonly build: BuildInfo;
  /** Name and digest of every text or task. */
  readonly data: readonly string[];
}

const COLUMNS: readonly (Column & { readonly text: (origin: Origin) => string })[] = [
  { key: 'model', title: 'model', align: 'left', text: ({ model }) => model.label },
  { key: 'kind', title: 'measured by', align: 'left', text: ({ kind }) => kind },
  { key: 'params', title: 'params', align: 'right', text: ({ model }) => parameterCount(model.parameters) },
  {
    key: 'weights',
    title: 'weights (SHA-256)',
    align: 'left',
    text: ({ model }) => model.weightsDigest?.slice(0, 12) ?? MISSING,
  },
  { key: 'spec', title: 'named', align: 'left', text: ({ model }) => model.spec },
  { key: 'seed', title: '--seed', align: 'right', text: ({ seed }) => String(seed) },
  { key: 'device', title: 'device', align: 'left', text: ({ engine }) => engine.device },
  { key: 'backend', title: 'backend', align: 'left', text: ({ engine }) => engine.backend },
  { key: 'dtype', title: 'dtype', align: 'left', text: ({ engine }) => engine.dtype },
  { key: 'build', title: 'revision', align: 'left', text: ({ build }) => buildText(build) },
  { key: 'data', title: 'data (SHA-256)', align: 'left', text: ({ data }) => data.join(', ') || MISSING },
  { key: 'run_id', title: 'run', align: 'left', text: ({ runId }) => runId },
  { key: 'date', title: 'begun (UTC)', align: 'left', text: ({ date }) => date.slice(0, 19).replace('T', ' ') },
];

export function provenanceTable(found: Found): Table {
  const rows = originsOf(found).map((origin): Row => COLUMNS.map(({ text }) => textCell(text(origin))));
  return { columns: COLUMNS, sections: [rows], remarks: [] };
}

function originsOf({ runs, benches, ppls, trainings }: Found): Origin[] {
  const digest = (name: string, digest: string) => `${name} ${digest.slice(0, 12)}`;
  return [
    ...runs.map((run): Origin => ({
      ...run,
      kind: 'run',
      data: run.tasks.map(({ task, dataDigest }) => digest(task, dataDigest)),
    })),
    ...ppls.map((run): Origin => ({
      ...run,
      kind: 'ppl',
      date: run.created,
      seed: run.settings.seed,
      data: [digest(run.text.name, run.text.digest)],
    })),
    ...benches.map((run): Origin => ({
      ...run,
      kind: 'bench',
      date: run.created,
      seed: run.settings.seed,
      data: [],
    })),
    ...trainings.map(({ name, record: { runId, created, model, engine, config, data, build } }): Origin => ({
      ...{ kind: 'train', runId, date: created, engine, seed: config.seeds.init, build },
      model: { spec: model.spec, label: name, parameters: model.parameters },
      data: [digest(sourceText(data.source), data.digest)],
    })),
  ];
}

function sourceText(source: Found['trainings'][number]['record']['data']['source']): string {
  return source.kind === 'generator' ? source.name : source.files.map(({ name }) => name).join(' ');
}

function buildText({ revision, dirty }: BuildInfo): string {
  return `${revision.slice(0, 12)}${dirty ? ' (changed)' : ''}`;
}
