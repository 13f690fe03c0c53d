// How much longer the commands that must answer at once take than Node itself: medians of runs that alternate with
// `node -e 0`. Exits with 1 when a difference is above the budget. Usage: node scripts/bench-help.mjs [pairs]
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BUDGET_MILLISECONDS = 150;
const COMMANDS = [['--help'], ['ls', 'tasks'], ['ls', 'baselines'], ['ls', 'backends']];
const pairs = Number(process.argv[2] ?? 21);
const main = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'src', 'cli', 'main.js');

for (const command of COMMANDS) {
  measure(main, ...command); // warms the file cache
  const differences = [];
  for (let pair = 0; pair < pairs; pair++) {
    const node = measure('-e', '0');
    differences.push(measure(main, ...command) - node);
  }
  const difference = median(differences);
  if (difference > BUDGET_MILLISECONDS) process.exitCode = 1;
  console.log(`swat-eval ${command.join(' ').padEnd(14)}  ${difference.toFixed(0)} ms more than node -e 0`);
}
console.log(`medians of ${pairs} pairs; the budget is ${BUDGET_MILLISECONDS} ms`);

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
