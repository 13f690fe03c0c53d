// The build: bundles TensorFlow.js once, compiles the TypeScript, and bakes in which source revision this is.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const vendor = path.join(root, 'dist', 'vendor');

await bundleTfjs();
const tsc = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', root], {
  cwd: root,
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(1);
writeBuildInfo();
const main = path.join(root, 'dist', 'src', 'cli', 'main.js');
if (existsSync(main)) chmodSync(main, 0o755);

async function bundleTfjs() {
  const version = require('@tensorflow/tfjs-core/package.json').version;
  const entry = path.join(root, 'scripts', 'tfjs-entry.mjs');
  const stamp = `${version}\n${readFileSync(entry, 'utf8')}`;
  const stampFile = path.join(vendor, 'tfjs.stamp');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  mkdirSync(vendor, { recursive: true });
  await build({
    entryPoints: [entry],
    outfile: path.join(vendor, 'tfjs.js'),
    bundle: true,
    minifySyntax: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: {
      js:
        "import { createRequire } from 'node:module'; import { fileURLToPath } from 'node:url'; import nodePath from 'node:path';" +
        'const require = createRequire(import.meta.url); const __filename = fileURLToPath(import.meta.url); const __dirname = nodePath.dirname(__filename);',
    },
    legalComments: 'none',
    logLevel: 'warning',
  });
  const wasm = path.join(path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'wasm-out');
  for (const file of ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm'])
    copyFileSync(path.join(wasm, file), path.join(vendor, file));
  writeFileSync(
    path.join(vendor, 'NOTICE'),
    `TensorFlow.js ${version}, Copyright Google LLC, Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0).\n`,
  );
  writeFileSync(stampFile, stamp);
}

/** dist/build-info.json: a packed copy without its git directory still says what it is. Outside a checkout an existing file stays. */
function writeBuildInfo() {
  const file = path.join(root, 'dist', 'build-info.json');
  const git = (...args) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  let info = { revision: 'unknown', dirty: false };
  try {
    if (path.resolve(git('rev-parse', '--show-toplevel')) !== path.resolve(root))
      throw new Error('the checkout is not this package');
    info = { revision: git('rev-parse', 'HEAD'), dirty: git('status', '--porcelain') !== '' };
  } catch {
    if (existsSync(file)) return;
  }
  writeFileSync(file, `${JSON.stringify(info)}\n`);
}
