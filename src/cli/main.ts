#!/usr/bin/env node
// The program's entry: runs the command line, and is the one place that turns errors into stderr text and an exit code.
import type { Command } from 'commander';
import { createInterrupts } from './interrupts.js';
import { createProgram } from './program.js';
import { describeError } from './describe-error.js';
import { normalizeArguments } from './normalize-arguments.js';

const interrupts = createInterrupts(process);
const program = createProgram(interrupts);
let verbose = false;
program.hook('preAction', (_program, command) => {
  const flags: { verbose?: boolean; color?: boolean } = command.opts();
  verbose = flags.verbose === true;
  if (flags.color === false) process.env.NO_COLOR = '1'; // what every terminal stream asks
});

// A reader that has gone (`| head -1`) wants no more output; the command still finishes what it writes to disk.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

process.once('uncaughtException', (error) => {
  report(error);
  process.exit();
});

try {
  await program.parseAsync(normalizeArguments(process.argv.slice(2), program), { from: 'user' });
} catch (error) {
  report(error);
}

function report(error: unknown): void {
  const { text, exitCode } = describeError(error, { verbose, command: calledCommand(), signal: interrupts.received() });
  if (text !== '') process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}

/** `data pull`; null where the command line begins with no command. */
function calledCommand(): string | null {
  const names: string[] = [];
  let command: Command | undefined = program;
  for (const name of process.argv.slice(2)) {
    command = command.commands.find((each) => each.name() === name);
    if (command === undefined) break;
    names.push(name);
  }
  return names.length === 0 ? null : names.join(' ');
}
