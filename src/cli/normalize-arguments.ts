// Spellings that are accepted without being advertised: lm-evaluation-harness's and llama-bench's flags, and flags without a
// command.
import type { Command } from 'commander';
import { UserError } from '../user-error.js';

/** Flags of lm-evaluation-harness (`lm_eval run --help`) and of llama-bench that have another name here, after `_` became `-`. */
const ALIASES: Readonly<Record<string, string>> = {
  '--tasks': '--task',
  '--output-path': '--output',
  '-M': '--model',
  '-n': '--n-gen',
  '-pg': '--pg',
};

/** Arguments that are not flags of `run` when they come first. */
const TOP_LEVEL = new Set(['-h', '--help', '-V', '--version']);

/**
 * The command line in canonical spelling: `--batch_size 8` becomes `--batch-size 8`, and a line that starts with a flag
 * is one of `run`; an empty line asks for help. What is not known stays as it was typed, for the error message.
 * @throws UserError 'usage' for `--model_args`, whose values belong into `--model`.
 */
export function normalizeArguments(argv: readonly string[], program: Command): string[] {
  const known = longFlags(program);
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const canonical = argv.map((argument, index) => (index < end ? canonicalFlag(argument, known) : argument));
  const first = canonical[0] ?? '--help';
  return first.startsWith('-') && !TOP_LEVEL.has(first) ? ['run', ...canonical] : [first, ...canonical.slice(1)];
}

/** Long flags of a command and of those below it. */
function longFlags(command: Command): Set<string> {
  const own = command.options.flatMap(({ long }) => long ?? []);
  return new Set([...own, ...command.commands.flatMap((each) => [...longFlags(each)])]);
}

function canonicalFlag(argument: string, known: ReadonlySet<string>): string {
  if (!argument.startsWith('-')) return argument;
  const [, flag, value] = /^([^=]*)(.*)$/s.exec(argument)!;
  const kebab = flag!.replaceAll('_', '-');
  if (kebab === '--model-args')
    throw new UserError('usage', `${flag} has no meaning here: a model is described by --model alone`, {
      hint: '--model PATH for a checkpoint, --model swat:340m,window=128 for seeded random weights',
    });
  const canonical = ALIASES[kebab] ?? kebab;
  return known.has(canonical) ? canonical + value! : argument;
}
