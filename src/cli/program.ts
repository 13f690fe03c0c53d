// The command line as commander sees it. Nothing heavy is imported here or by a command's definition: each action
// imports what it runs, so that `--help` costs little more than starting Node.
import { Command } from 'commander';
import { readBuildInfo } from '../package-root.js';
import type { BuildInfo } from '../package-root.js';
import { bench } from './commands/bench.js';
import { check } from './commands/check.js';
import { compare } from './commands/compare.js';
import { data } from './commands/data.js';
import { env } from './commands/env.js';
import { ls } from './commands/ls.js';
import { plot } from './commands/plot.js';
import { ppl } from './commands/ppl.js';
import { report } from './commands/report.js';
import { run } from './commands/run.js';
import { show } from './commands/show.js';
import { sweep } from './commands/sweep.js';
import { table } from './commands/table.js';
import { tokenizer } from './commands/tokenizer.js';
import { train } from './commands/train.js';
import type { Interrupts } from './interrupts.js';

/** Adds one command to the program. `interrupts` is for commands whose work can be stopped and resumed. */
export type CommandDefinition = (program: Command, interrupts: Interrupts) => void;

const COMMANDS: readonly CommandDefinition[] = [
  run,
  ppl,
  bench,
  train,
  sweep,
  table,
  plot,
  report,
  check,
  compare,
  show,
  data,
  tokenizer,
  ls,
  env,
];

export function createProgram(interrupts: Interrupts): Command {
  const program = new Command('swat-eval')
    .description('Trains, evaluates and benchmarks SWAT beside Transformer and linear-recurrent language models.')
    .version(describeBuild(readBuildInfo()))
    .configureOutput({ outputError: () => {} }) // main.ts prints errors
    .exitOverride()
    .addHelpText('after', EPILOGUE);
  for (const define of COMMANDS) define(program, interrupts);
  return program;
}

/** `swat-eval 0.1.0 (3f2a9c1, dirty)`. */
function describeBuild({ version, revision, dirty }: BuildInfo): string {
  return `swat-eval ${version} (${revision.slice(0, 12)}${dirty ? ', dirty' : ''})`;
}

const EPILOGUE = `
Flags without a command mean \`run\`. stdout is data, stderr everything else.
Exit codes: 0 ok, 1 failure, 2 usage, 3 definition or data, 4 regression, 5 partly failed, 6 no such device, 130/143 interrupted.

Examples:
  swat-eval run --model swat:tiny,seed=1 --task piqa,arc_easy --data-dir data --limit 100
  swat-eval --model path/to/checkpoint --task paper --output results
  swat-eval bench --model swat:tiny --model transformer:tiny -p 512-4k*2 -g 64 --plot
  swat-eval train --config recipe.yaml --set optimizer.lr=1e-3
  swat-eval ls tasks
  swat-eval COMMAND --help`;
