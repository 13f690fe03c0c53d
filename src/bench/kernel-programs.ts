// Every WGSL program of ours in every specialisation worth compiling: what the compile check compiles, and whose digest says
// which kernels a measurement was made with.
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../package-root.js';
import type { Program } from '../kernels/webgpu/runner.js';

export interface KernelProgram {
  /** File of the kernel, without its extension. */
  readonly file: string;
  readonly key: string;
  readonly wgsl: string;
}

/** The `samples()` of all files in src/kernels/webgpu that have any, by file. */
export async function kernelPrograms(): Promise<KernelProgram[]> {
  const directory = path.join(packageRoot, 'dist', 'src', 'kernels', 'webgpu');
  const files = (await readdir(directory)).filter((file) => file.endsWith('.js')).sort();
  const programs: KernelProgram[] = [];
  for (const name of files) {
    const module = (await import(pathToFileURL(path.join(directory, name)).href)) as { samples?: () => Program[] };
    const file = path.basename(name, '.js');
    for (const { key, wgsl } of module.samples?.() ?? []) programs.push({ file, key, wgsl: wgsl() });
  }
  return programs;
}

/** SHA-256 over the keys and texts, in the order of the keys. */
export function programsDigest(programs: readonly KernelProgram[]): string {
  const hash = createHash('sha256');
  const texts = programs.map(({ key, wgsl }) => JSON.stringify([key, wgsl]));
  for (const text of texts.sort()) hash.update(text);
  return hash.digest('hex');
}
