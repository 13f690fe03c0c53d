// How much longer `swat-eval --help` takes than Node itself: medians of runs that alternate with `node -e 0`.
// Exits with 1 when the difference is above the budget. Usage: node scripts/bench-help.mjs [pairs]
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BUDGET_MILLISECONDS = 150;
const pairs = Number(process.argv[2] ?? 21);
const main = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'src', 'cli', 'main.js');

const node = [];
const help = [];
measure('-e', '0'); // warms the file cache
measure(main, '--help');
for (let pair = 0; pair < pairs; pair++) {
  node.push(measure('-e', '0'));
  help.push(measure(main, '--help'));
}
const difference = median(help.map((milliseconds, pair) => milliseconds - node[pair]));
console.log(`node -e 0          ${median(node).toFixed(1)} ms`);
console.log(`swat-eval --help   ${median(help).toFixed(1)} ms`);
console.log(
  `difference         ${difference.toFixed(1)} ms (median of ${pairs} pairs; budget ${BUDGET_MILLISECONDS} ms)`,
);
process.exitCode = difference <= BUDGET_MILLISECONDS ? 0 : 1;

function measure(...argv) {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
  if (status !== 0) throw new Error(`node ${argv.join(' ')} ended with ${status}: ${stderr}`);
  return milliseconds;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
