// `swat-eval ppl`: perplexity of a text against evaluation length and window, and by position. stdout is the table.
import type { PplEnvironment, PplOutcome } from '../../perplexity/run-ppl.js';
import type { PplSettings } from '../../perplexity/ppl-record.js';
import type { Interrupts } from '../interrupts.js';
import { options } from '../options.js';
import { pplOptions, pplSettingsOf, type PplFlags } from '../ppl-options.js';
import type { CommandDefinition } from '../program.js';
import { runOptions } from '../run-options.js';
import { reportMissing } from '../report-missing.js';

export const ppl: CommandDefinition = (program, interrupts) => {
  const command = program
    .command('ppl')
    .description('Measure perplexity against evaluation length and window, on the same tokens at every length.');
  for (const option of [
    options.model,
    pplOptions.text,
    pplOptions.lengths,
    pplOptions.window,
    pplOptions.tokens,
    pplOptions.byPosition,
    options.dataDir,
    runOptions.fixtures,
    options.cacheDir,
    options.offline,
    options.allowPartial,
    options.tokenizer,
    options.backend,
    options.dtype,
    options.seed,
    runOptions.ci,
    options.output,
    pplOptions.resume,
    options.format,
    pplOptions.plot,
    options.quiet,
    options.verbose,
    options.noProgress,
    options.noColor,
  ])
    command.addOption(option);
  command.action(async (flags: PplFlags) => {
    const remark = flags.quiet === true ? () => {} : (sentence: string) => void process.stderr.write(`${sentence}\n`);
    const outcomes = await measure(flags, interrupts, remark);
    const records = outcomes.map(({ record }) => record);
    if (records.length > 0) {
      const { formatPpl } = await import('../../report/format-runs.js');
      process.stdout.write(formatPpl(records, flags.format, flags.byPosition === true));
    }
    if (flags.plot === true && records.length > 0) {
      const { writePlots } = await import('../../report/write-plots.js');
      const place = outcomes.length > 1 ? flags.output : outcomes[0]!.directory;
      for (const file of await writePlots({ ppls: records }, place)) remark(file);
    }
    for (const { directory } of outcomes) remark(directory);
    reportMissing('ppl', outcomes, interrupts);
  });
};

async function measure(
  flags: PplFlags,
  interrupts: Interrupts,
  log: (sentence: string) => void,
): Promise<PplOutcome[]> {
  const settings = flags.resume === undefined ? pplSettingsOf(flags) : null;
  const { readBuildInfo } = await import('../../package-root.js');
  const { startPpl, resumePpl } = await import('../../perplexity/run-ppl.js');
  const { writePpl } = await import('../../report/write-ppl.js');
  const { terminalProgress } = await import('../progress.js');
  const environment: PplEnvironment = {
    openText,
    progress: terminalProgress(flags),
    log,
    now: () => new Date(),
    clock: () => performance.now(),
    signal: interrupts.signal(),
    build: readBuildInfo(),
    save: writePpl,
  };
  return settings === null ? resumePpl(flags.resume!, environment) : startPpl(settings, flags.output, environment);
}

async function openText({ text, seed, fixtures, offline, dataDir, cacheDir, allowPartial }: PplSettings) {
  const { openEvalText } = await import('../../perplexity/eval-text.js');
  const { loadTask } = await import('../../data/load-task.js');
  const { chooseRowSource } = await import('../../data/row-source.js');
  const { resolveTasks } = await import('../../tasks/registry.js');
  const { loadTextGenerator } = await import('../../tasks/text-generators.js');
  const places = { ...(dataDir === null ? {} : { dataDir }), ...(cacheDir === null ? {} : { cacheDir }) };
  return openEvalText(text, seed, {
    resolveTasks,
    loadTask: (task) =>
      loadTask(task, chooseRowSource({ fixtures, offline, ...places }, process.env), { allowPartial }),
    loadGenerator: loadTextGenerator,
  });
}
