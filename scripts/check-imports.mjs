// The one-way import rule of ARCHITECTURE.md: a layer imports itself and the layers below it, nothing imports cli/.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** From the bottom up. Folders on one line are siblings that do not import each other. */
const layers = [
  ['src/user-error.ts', 'src/package-root.ts', 'src/did-you-mean.ts', 'src/make-directories.ts'],
  ['src/file-errors.ts'],
  ['src/write-atomically.ts'],
  ['src/backends', 'src/tokenizers'],
  ['src/kernels'],
  ['src/ops'],
  ['src/tasks', 'src/models'],
  ['tasks', 'baselines'],
  ['src/data', 'src/metrics'],
  ['src/evaluate'],
  ['src/measure'],
  ['src/bench', 'src/perplexity', 'src/train'],
  ['src/report'],
  ['src/check', 'src/sweep'],
  ['src/index.ts'],
  ['src/cli'],
];
/** Registries load definitions by name, which is the one import that points up. */
const lazyUpward = new Set([
  'src/tasks/registry.ts -> tasks',
  'src/tasks/text-generators.ts -> tasks',
  'src/models/registry.ts -> baselines',
]);
/** Pure folders: no tensor, save for the named files. */
const tensorFree = [
  'src/metrics',
  'src/evaluate',
  'src/tasks',
  'tasks',
  'src/report',
  'src/check',
  'src/data',
  'src/tokenizers',
];
const mayUseTensors = new Set(['src/evaluate/model-scorer.ts']);

const levelOf = (file) => layers.findIndex((folders) => folders.some((f) => file === f || file.startsWith(`${f}/`)));
const groupOf = (file) => layers.flat().find((f) => file === f || file.startsWith(`${f}/`));

const problems = [];
for (const top of ['src', 'tasks', 'baselines']) {
  for (const entry of readdirSync(path.join(root, top), { recursive: true })) {
    const file = path.posix.join(top, entry.split(path.sep).join('/'));
    if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue;
    if (levelOf(file) < 0) problems.push(`${file}: in no layer of scripts/check-imports.mjs`);
    const source = readFileSync(path.join(root, file), 'utf8');
    for (const [, specifier] of source.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g))
      checkImport(file, specifier);
  }
}

function checkImport(file, specifier) {
  if (specifier === '#tfjs' && tensorFree.some((f) => file.startsWith(`${f}/`)) && !mayUseTensors.has(file))
    problems.push(`${file}: uses tensors, and its folder must not`);
  if (!specifier.startsWith('.')) return;
  const target = path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, '.ts');
  if (lazyUpward.has(`${file} -> ${groupOf(target)}`)) return;
  const sameGroup = groupOf(file) === groupOf(target);
  if (!sameGroup && levelOf(target) >= levelOf(file))
    problems.push(`${file}: imports ${target}, which is not below it`);
}

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? 'imports point one way' : `${problems.length} imports point the wrong way`);
process.exitCode = problems.length === 0 ? 0 : 1;
