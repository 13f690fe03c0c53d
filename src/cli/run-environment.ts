// What a run reaches outside for when the program is used for real: data, models, the clock, stderr and the disk.
import { cacheDirectory, chooseRowSource } from '../data/row-source.js';
import type { RowSource } from '../data/row-source.js';
import { loadTask } from '../data/load-task.js';
import { openModelSource } from '../evaluate/open-model-source.js';
import type { Progress } from '../evaluate/progress.js';
import type { RunEnvironment } from '../evaluate/run-models.js';
import type { RunSettings } from '../evaluate/run-settings.js';
import { readBuildInfo } from '../package-root.js';
import { writeRun } from '../report/write-run.js';
import { resolveTasks } from '../tasks/registry.js';
import type { Interrupts } from './interrupts.js';

export function createRunEnvironment(
  progress: Progress,
  interrupts: Interrupts,
  log: (sentence: string) => void,
): RunEnvironment {
  return {
    resolveTasks,
    loadTask: (task, settings) => loadTask(task, rowSourceOf(settings), { allowPartial: settings.allowPartial }),
    openModel: (spec, settings) => openModelSource(spec, settings, log),
    writeResults: (directory, { summary, settings, samples }) =>
      writeRun(
        directory,
        summary,
        new Map(summary.tasks.map(({ task }, index) => [task, samples[index]!])),
        settings.logSamples,
      ),
    cacheDirectory: cacheDirectory(process.env),
    progress,
    log,
    now: () => new Date(),
    clock: () => performance.now(),
    signal: () => interrupts.signal(),
    build: readBuildInfo(),
  };
}

function rowSourceOf({ fixtures, offline, dataDir, cacheDir }: RunSettings): RowSource {
  const places = { ...(dataDir === null ? {} : { dataDir }), ...(cacheDir === null ? {} : { cacheDir }) };
  return chooseRowSource({ fixtures, offline, ...places }, process.env);
}
