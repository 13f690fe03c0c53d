// Where the rows of a benchmark come from: a directory of the user, the cache that `data pull` fills, or the package's own sentences.
// Directory and cache are laid out alike, by `Dataset.file`.
import os from 'node:os';
import path from 'node:path';

/** The cache directory, with the rows under `data/`; unless it is offline, what it lacks is pulled from the hub. */
export interface Cache {
  readonly kind: 'cache';
  readonly path: string;
  readonly offline: boolean;
}

/** A source that holds the benchmarks themselves. */
export type StoredRows = { readonly kind: 'directory'; readonly path: string } | Cache;

/** Fixtures are tasks/<name>/fixture.jsonl or .txt of the package: every result made from them is labelled. */
export type RowSource = StoredRows | { readonly kind: 'fixtures' };

export interface RowSourceFlags {
  readonly dataDir?: string;
  readonly cacheDir?: string;
  readonly offline?: boolean;
  readonly fixtures?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `--fixtures`, else what `chooseStoredRows` says. */
export function chooseRowSource(flags: RowSourceFlags, env: Environment): RowSource {
  return flags.fixtures === true ? { kind: 'fixtures' } : chooseStoredRows(flags, env);
}

/** `--data-dir`, else `SWAT_EVAL_DATA`, else the cache. */
export function chooseStoredRows({ dataDir, cacheDir, offline }: RowSourceFlags, env: Environment): StoredRows {
  const directory = dataDir ?? set(env.SWAT_EVAL_DATA);
  if (directory !== undefined) return { kind: 'directory', path: directory };
  return { kind: 'cache', path: cacheDir ?? cacheDirectory(env), offline: offline === true };
}

/** `$SWAT_EVAL_CACHE`, else `$XDG_CACHE_HOME/swat-eval`, else `~/.cache/swat-eval`. */
export function cacheDirectory(env: Environment): string {
  const base = set(env.XDG_CACHE_HOME) ?? path.join(os.homedir(), '.cache');
  return set(env.SWAT_EVAL_CACHE) ?? path.join(base, 'swat-eval');
}

/** The folder that `Dataset.file` is relative to. */
export function dataDirectory(source: StoredRows): string {
  return source.kind === 'cache' ? path.join(source.path, 'data') : source.path;
}

/** An empty variable counts as not set. */
function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
