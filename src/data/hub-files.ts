// Which files of a dataset repository on the Hugging Face hub hold a benchmark's split.
import { z } from 'zod';
import type { StoredDataset } from '../tasks/task.js';
import { UserError } from '../user-error.js';
import { type Hub, get, withTries } from './hub-client.js';

export interface HubFile {
  readonly repository: string;
  readonly revision: string;
  /** Path inside the repository, as the hub spells it: for addresses and messages, never for a file of ours. */
  readonly path: string;
  readonly size: number;
  /** Its content's digest: SHA-256 of what lies in large-file storage, git's blob id (SHA-1) of the rest. */
  readonly digest: { readonly kind: 'sha256' | 'git-blob'; readonly hex: string };
}

/** The hub keeps a parquet copy of every dataset that its own loader reads: one folder a configuration, one a split. */
const PARQUET_COPY = 'refs/convert/parquet';

/**
 * The files of `dataset`'s configuration and split, in the order of their rows: from the hub's own parquet copy, else the
 * parquet or JSONL files that the repository itself names after them.
 * @throws UserError 'data' when the repository is not there, or has no such file, or several that could be meant.
 */
export async function findHubFiles(hub: Hub, dataset: StoredDataset): Promise<HubFile[]> {
  const converted = await listFiles(hub, dataset.hub, PARQUET_COPY);
  const fromCopy = chooseFiles(converted ?? [], dataset);
  if (fromCopy.length > 0) return fromCopy;
  const original = await listFiles(hub, dataset.hub, 'main');
  if (original === null)
    throw new UserError('data', `${hub.endpoint} has no dataset ${dataset.hub} (it answers 404)`, {
      where: `${hub.endpoint}/datasets/${dataset.hub}`,
      hint: 'check HF_ENDPOINT; HF_TOKEN is needed for a private dataset',
    });
  const chosen = chooseFiles(original, dataset);
  if (chosen.length > 0) return chosen;
  const wanted = `configuration ${dataset.config ?? 'default'}, split ${dataset.split}`;
  throw new UserError('data', `${dataset.hub} has no parquet or JSONL file for ${wanted}`, {
    where: `${hub.endpoint}/datasets/${dataset.hub}`,
  });
}

/**
 * The files that hold a split, by the hub's naming rules: the split is a folder (`ARC-Easy/test/0000.parquet`) or a word at
 * either end of the name (`data/validation-00000-of-00001.parquet`, `lambada_test.jsonl`); what lies above is the
 * configuration. Parquet goes before JSONL. Empty where nothing fits.
 * @throws UserError 'data' when no configuration is asked for, and there are several without a default.
 */
export function chooseFiles(files: readonly HubFile[], { hub, config = 'default', split }: StoredDataset): HubFile[] {
  const placed = files.flatMap((file) => {
    const place = placeOf(file.path, split);
    return place === null ? [] : [{ file, ...place }];
  });
  const folders = [...new Set(placed.map(({ folder }) => folder))];
  let chosen = folders.find((folder) => folder === config);
  if (config === 'default') {
    chosen ??= ['data', ''].find((folder) => folders.includes(folder));
    if (chosen === undefined && folders.length > 1)
      throw new UserError('data', `${hub} has split ${split} in ${folders.length} configurations, none the default`, {
        where: hub,
      });
    chosen ??= folders[0];
  }
  const fitting = placed.filter(({ folder }) => folder === chosen);
  const parquet = fitting.filter(({ format }) => format === 'parquet');
  return (parquet.length > 0 ? parquet : fitting).map(({ file }) => file).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The folder of its configuration and the format of a file that holds rows of the split, else null. */
function placeOf(file: string, split: string): { folder: string; format: string } | null {
  const match = /^(?:(.*)\/)?([^/]+?)\.(parquet|jsonl)(?:\.gz)?$/.exec(file);
  if (match === null) return null;
  const [, folder = '', name = '', format = ''] = match;
  const folders = folder.split('/');
  if (folders.at(-1) === split) return { folder: folders.slice(0, -1).join('/'), format };
  const words = name.replace(/-\d+-of-\d+$/, '').split(/[-_.]/);
  return words[0] === split || words.at(-1) === split ? { folder, format } : null;
}

const treeEntry = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().nonnegative(),
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
});

/** The files of a dataset repository at a revision, null where the hub answers 404. */
async function listFiles(hub: Hub, repository: string, revision: string): Promise<HubFile[] | null> {
  const { HubApiError, listFiles: list } = await import('@huggingface/hub');
  const entries: unknown[] = [];
  try {
    const pages = list({
      repo: { type: 'dataset', name: repository },
      revision: encodeURIComponent(revision),
      recursive: true,
      hubUrl: hub.endpoint,
      fetch: (url) => wholeAnswer(hub, url as string),
    });
    for await (const entry of pages) entries.push(entry);
  } catch (error) {
    if (error instanceof HubApiError && error.statusCode === 404) return null;
    throw error instanceof UserError ? error : notAListing(hub, repository, error);
  }
  const parsed = z.array(treeEntry).safeParse(entries);
  if (!parsed.success) throw notAListing(hub, repository, parsed.error);
  return parsed.data
    .filter(({ type }) => type === 'file')
    .map(({ path, size, oid, lfs }) => {
      const digest =
        lfs === undefined ? { kind: 'git-blob' as const, hex: oid } : { kind: 'sha256' as const, hex: lfs.oid };
      return { repository, revision, path, size, digest };
    });
}

function notAListing(hub: Hub, repository: string, cause: unknown): UserError {
  return new UserError('data', `${hub.endpoint} does not answer with a list of the files of ${repository}`, {
    where: `${hub.endpoint}/api/datasets/${repository}`,
    hint: 'check HF_ENDPOINT',
    cause,
  });
}

/** A GET of one page of a listing, with its body: what is cut off in the middle is asked for again. */
async function wholeAnswer(hub: Hub, url: string): Promise<Response> {
  return withTries(hub, async () => {
    const answer = await get(hub, url, { accept: 'application/json' });
    if (answer === null) return new Response(null, { status: 404 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    return new Response(Buffer.concat(chunks), { status: answer.status, headers: answer.headers });
  });
}
