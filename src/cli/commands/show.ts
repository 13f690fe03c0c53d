// `swat-eval show TASK --doc N`: what exactly a model is asked for one document.
import { Option } from 'commander';
import { UserError } from '../../user-error.js';
import { options } from '../options.js';
import type { SharedFlags } from '../options.js';
import { countParser } from '../parse-count.js';
import type { CommandDefinition } from '../program.js';
import { runOptions } from '../run-options.js';
import type { ShownDocument } from '../show-document.js';

interface ShowFlags extends Pick<SharedFlags, 'dataDir' | 'cacheDir' | 'offline' | 'tokenizer' | 'bos' | 'json'> {
  doc: number;
  fixtures?: boolean;
  /** Its tokenizer and longest input are taken. */
  model?: string;
  maxLength?: number;
}

export const show: CommandDefinition = (program) => {
  program
    .command('show')
    .description('Show what a model is asked for one document: prompt, continuations, token ids, split, gold answer.')
    .argument('<task>', 'a task')
    .addOption(new Option('--doc <n>', 'which document, from 0 on').argParser(countParser('--doc', 0)).default(0))
    .addOption(new Option('-m, --model <spec>', 'show the token ids that this model gets'))
    .addOption(options.tokenizer)
    .addOption(options.maxLength)
    .addOption(options.bos)
    .addOption(options.dataDir)
    .addOption(runOptions.fixtures)
    .addOption(options.cacheDir)
    .addOption(options.offline)
    .addOption(options.json)
    .addOption(options.verbose)
    .action(async (task: string, flags: ShowFlags) => {
      const { formatDocument } = await import('../show-document.js');
      const shown = await find(task, flags);
      process.stdout.write(flags.json === true ? `${JSON.stringify(shown, null, 2)}\n` : formatDocument(shown));
    });
};

/** The whole text is one window where nobody says how long an input may be. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

async function find(name: string, flags: ShowFlags): Promise<ShownDocument> {
  const { resolveTasks } = await import('../../tasks/registry.js');
  const { chooseRowSource } = await import('../../data/row-source.js');
  const { loadTask } = await import('../../data/load-task.js');
  const { createRequestEncoder } = await import('../../evaluate/request-encoder.js');
  const { describeDocument } = await import('../show-document.js');

  const tasks = await resolveTasks([name]);
  if (tasks.length !== 1)
    throw new UserError('usage', `${name} is ${tasks.length} tasks: ${tasks.map((task) => task.name).join(', ')}`, {
      hint: `swat-eval show ${tasks[0]!.name}`,
    });
  const source = chooseRowSource(flags, process.env);
  const { task, documents, origin } = await loadTask(tasks[0]!, source, { allowPartial: true });
  const document = documents[flags.doc];
  if (document === undefined)
    throw new UserError('usage', `${task.name} has documents 0 to ${documents.length - 1}, not ${flags.doc}`);

  const { tokenizer, maxLength } = await encodingOf(flags);
  const encoder = createRequestEncoder({ tokenizer, options: { bos: flags.bos }, maxLength });
  const { nameForRecords } = await import('../../models/shipped-checkpoints.js');
  const about = {
    task: task.name,
    documents: documents.length,
    origin,
    tokenizer: nameForRecords(tokenizer.name),
    bos: flags.bos,
  };
  return describeDocument(document, encoder, about);
}

async function encodingOf({ model, tokenizer, maxLength }: ShowFlags) {
  if (model === undefined) {
    const { loadTokenizer } = await import('../../tokenizers/load-tokenizer.js');
    return { tokenizer: await loadTokenizer(tokenizer ?? 'bytes'), maxLength: maxLength ?? NO_LIMIT };
  }
  const { openModel } = await import('../../models/load-language-model.js');
  const opened = await openModel(model, {
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...(maxLength === undefined ? {} : { maxLength }),
  });
  return { tokenizer: await opened.tokenizer(), maxLength: opened.config.maxLength };
}
