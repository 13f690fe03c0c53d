// What `bench` and `ppl` say at their end about cells without a figure.
import { UserError } from '../user-error.js';
import type { Interrupts } from './interrupts.js';
import { shellWord } from './shell-word.js';

interface MeasuredRun {
  readonly directory: string;
  readonly record: { readonly results: readonly { readonly status: 'ok' | 'OOM' | 'failed' }[] };
  /** A device that was lost. */
  readonly lost?: UserError;
}

/** @throws UserError 'interrupted' or, for a device that was lost, 'device' with the command that goes on; 'partial' when cells have no figure. */
export function reportMissing(command: 'bench' | 'ppl', runs: readonly MeasuredRun[], interrupts: Interrupts): void {
  const resume = ({ directory }: MeasuredRun) => `swat-eval ${command} --resume ${shellWord(directory)}`;
  if (interrupts.received() !== null)
    throw new UserError('interrupted', 'interrupted; what was measured is kept', {
      ...(runs.length === 0 ? {} : { hint: resume(runs[0]!) }),
    });
  const lost = runs.find((run) => run.lost !== undefined);
  if (lost !== undefined)
    throw new UserError('device', `${lost.lost!.message}; what was measured is kept`, {
      hint: resume(lost),
      cause: lost.lost,
    });
  const results = runs.flatMap(({ record }) => record.results);
  const missing = results.filter(({ status }) => status !== 'ok');
  if (missing.length === 0) return;
  const outOfMemory = missing.filter(({ status }) => status === 'OOM').length;
  const reasons = [
    ...(outOfMemory === 0 ? [] : [`${outOfMemory} out of memory`]),
    ...(outOfMemory === missing.length ? [] : [`${missing.length - outOfMemory} failed`]),
  ];
  throw new UserError('partial', `${missing.length} of ${results.length} cells have no figure: ${reasons.join(', ')}`);
}
