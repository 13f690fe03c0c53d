// Rows of published tables, transcribed into baselines/published/*.json as printed. Averages are recomputed here, not there.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { mean } from '../metrics/stderr.js';
import { packageRoot } from '../package-root.js';
import { UserError } from '../user-error.js';
import { PAPER_COLUMNS } from './paper-columns.js';

/** A file of baselines/published/. */
export interface PublishedTable {
  readonly title: string;
  readonly authors: string;
  readonly year: number;
  readonly url: string;
  /** Name of the table in the paper. */
  readonly table: string;
  /** Keys of `PAPER_COLUMNS`, in their order. */
  readonly columns: readonly string[];
  readonly sets: readonly {
    /** What `--published` calls the set. */
    readonly name: string;
    readonly size: string;
    /** Tokens of training. */
    readonly tokens: string;
    readonly rows: readonly PublishedValues[];
  }[];
}

interface PublishedValues {
  readonly model: string;
  /** One for each of `PAPER_COLUMNS`: perplexities, and accuracies in percent. */
  readonly values: readonly number[];
  /** The average as printed, in percent. */
  readonly average: number;
}

export interface PublishedRow extends PublishedValues {
  readonly size: string;
  /** Where the row is printed, for a footnote. */
  readonly source: string;
}

/** Two averages that differ by more than this cannot both come from columns rounded to 0.01. */
const ROUNDING = 0.015;

export function readPublishedTables(): PublishedTable[] {
  const directory = path.join(packageRoot, 'baselines', 'published');
  return readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as PublishedTable);
}

/**
 * The rows of the named sets, in the order of the names.
 * @throws UserError 'usage' for a name that no table has.
 */
export function publishedRows(names: readonly string[], tables: readonly PublishedTable[]): PublishedRow[] {
  const sets = tables.flatMap((table) => table.sets.map((set) => ({ table, set })));
  return names.flatMap((name) => {
    const found = sets.find(({ set }) => set.name === name);
    if (found === undefined)
      throw new UserError('usage', `no published table is called '${name}'`, {
        hint: `--published ${sets.map(({ set }) => set.name).join(' | ')}`,
      });
    const { table, set } = found;
    const source = `published, ${set.tokens} tokens: ${table.authors} ${table.year}, ${table.table}, ${table.url}`;
    return set.rows.map((row) => ({ ...row, size: set.size, source }));
  });
}

/** Mean of the row's own columns that the paper averages. */
export function recomputedAverage({ values }: PublishedValues): number {
  return mean(values.filter((_, k) => PAPER_COLUMNS[k]!.averaged));
}

export function averageDiffers(row: PublishedValues): boolean {
  return Math.abs(recomputedAverage(row) - row.average) > ROUNDING;
}
