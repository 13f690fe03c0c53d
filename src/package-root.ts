// Where this package lies, and which build it is: the same from source, from dist/ and from an installed copy.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Directory that holds package.json. */
export const packageRoot: string = findPackageRoot(path.dirname(fileURLToPath(import.meta.url)));

export interface BuildInfo {
  version: string;
  /** Git revision the build was made from, `unknown` outside a checkout. */
  revision: string;
  /** True when the checkout had uncommitted changes. */
  dirty: boolean;
}

export function readBuildInfo(): BuildInfo {
  const { version } = readJson('package.json') as { version: string };
  const file = path.join('dist', 'build-info.json');
  const build = existsSync(path.join(packageRoot, file)) ? readJson(file) : { revision: 'unknown', dirty: false };
  return { version, ...(build as Omit<BuildInfo, 'version'>) };
}

function readJson(relative: string): unknown {
  return JSON.parse(readFileSync(path.join(packageRoot, relative), 'utf8'));
}

function findPackageRoot(directory: string): string {
  if (existsSync(path.join(directory, 'package.json'))) return directory;
  const parent = path.dirname(directory);
  if (parent === directory) throw new Error('package.json of swat-eval not found');
  return findPackageRoot(parent);
}
