// A process that runs fake models slowly, for the tests that kill it: `node resume-driver.js start|resume DIRECTORY MS`.
// It prints `batch` before each batch.
import { setTimeout } from 'node:timers/promises';
import { resumeRuns, startRuns } from '../../src/evaluate/run-models.js';
import { resolveRun } from '../../src/evaluate/run-directory.js';
import { fakeEnvironment, fakeSettings } from './fake-run.js';

const [mode, output, milliseconds] = process.argv.slice(2) as ['start' | 'resume', string, string];
const controller = new AbortController();
process.once('SIGINT', () => controller.abort());
const environment = fakeEnvironment(
  {
    tokenBudget: 150,
    async onBatch() {
      process.stdout.write('batch\n');
      await setTimeout(Number(milliseconds));
    },
  },
  { signal: () => controller.signal },
);
const settings = { ...fakeSettings, models: ['first', 'second'] };
const outcomes =
  mode === 'start'
    ? await startRuns(settings, output, environment)
    : await resumeRuns(resolveRun(null, output), {}, environment);
process.stdout.write(`${outcomes.map(({ status }) => status).join(' ')}\n`);
