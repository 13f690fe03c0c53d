// `swat-eval ppl`: perplexity of a text against evaluation length and window, and by position. stdout is the table.
import type { PplSettings } from '../../perplexity/ppl-record.js';
import { options } from '../options.js';
import { pplOptions, pplSettingsOf, type PplFlags } from '../ppl-options.js';
import type { CommandDefinition } from '../program.js';
import { runOptions } from '../run-options.js';

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
    const settings = flags.resume === undefined ? pplSettingsOf(flags) : null;
    const { pplMeasurement } = await import('../../perplexity/run-ppl.js');
    const { formatPpl } = await import('../../report/format-runs.js');
    const { writePpl } = await import('../../report/write-ppl.js');
    const { runMeasurement } = await import('../run-measurement.js');
    await runMeasurement(pplMeasurement(openText), settings, flags, interrupts, {
      save: writePpl,
      format: (records) => formatPpl(records, flags.format, flags.byPosition === true),
      found: (ppls) => ({ ppls }),
    });
  });
};

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
