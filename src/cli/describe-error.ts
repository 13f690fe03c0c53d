// What stderr says about an error, and the exit code that goes with it.
import { CommanderError } from 'commander';
import { closest } from '../did-you-mean.js';
import { EXIT_CODES, formatError, UserError } from '../user-error.js';
import type { InterruptName } from './interrupts.js';

export interface ErrorSituation {
  verbose: boolean;
  /** The command that was called, `data pull`, for the hint of a usage error; null where there is none of that name. */
  command: string | null;
  /** The signal that stopped the program, null when none did. */
  signal: InterruptName | null;
}

/** Text without a final newline, empty where everything is said already (`--help`, `--version`). */
export function describeError(error: unknown, situation: ErrorSituation): { text: string; exitCode: number } {
  if (error instanceof CommanderError && error.exitCode === 0) return { text: '', exitCode: 0 };
  // A command without its subcommand: commander has printed the help to stderr.
  if (error instanceof CommanderError && error.code === 'commander.help')
    return { text: '', exitCode: EXIT_CODES.usage };
  if (error instanceof CommanderError) return describeError(usageError(error, situation.command), situation);
  if (error instanceof UserError) {
    const stack = situation.verbose ? `\n${error.stack}${causeOf(error)}` : '';
    const terminated = error.kind === 'interrupted' && situation.signal === 'SIGTERM';
    return { text: formatError(error) + stack, exitCode: terminated ? 143 : error.exitCode };
  }
  const sentence = error instanceof Error ? error.message.split('\n', 1)[0]! || error.name : String(error);
  const rest =
    situation.verbose && error instanceof Error
      ? `\n${error.stack}${causeOf(error)}`
      : '\n  try: the same command with --verbose, which shows where it happened';
  return { text: `error: unexpected: ${sentence}${rest}`, exitCode: EXIT_CODES.failure };
}

/** Commander's message as one sentence: `unknown option '--modle' (did you mean --model?)`. */
function usageError(error: CommanderError, command: string | null): UserError {
  const message = error.message.replace(/^error: /, '').replace(/\s*\(Did you mean/, ' (did you mean');
  const hint = ['swat-eval', command, '--help'].filter(Boolean).join(' ');
  const [, given, choices] = /'([^']*)' is invalid.* Allowed choices are (.*)\.$/.exec(message) ?? [];
  const guess = choices === undefined ? null : closest(given!, choices.split(', '));
  return new UserError('usage', guess === null ? message : message.replace(/\.$/, ` (did you mean ${guess}?)`), {
    hint,
  });
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? `\ncaused by: ${error.cause.stack}` : '';
}
