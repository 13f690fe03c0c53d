// A training in a process of its own, to be killed: `train-driver.js start|resume DIRECTORY`. It prints a line a step.
import path from 'node:path';
import { resolveRun } from '../../src/evaluate/run-directory.js';
import { LATEST, resumeTraining, startTraining } from '../../src/train/run-training.js';
import { fakeEnvironment, killedConfig } from './fake-training.js';

const [mode, directory] = process.argv.slice(2) as ['start' | 'resume', string];
const output = path.join(directory, 'results');
const controller = new AbortController();
process.once('SIGINT', () => controller.abort());
const environment = fakeEnvironment(path.join(directory, 'cache'), {
  signal: () => controller.signal,
  progress: { start: () => {}, finish: () => {}, advance: () => void process.stdout.write('step\n') },
});
const outcomes =
  mode === 'start'
    ? await startTraining(killedConfig(), { recipe: directory, data: directory }, output, environment)
    : await resumeTraining(resolveRun(null, output, LATEST), {}, environment);
process.stdout.write(`${outcomes.map(({ status }) => status).join(' ')}\n`);
