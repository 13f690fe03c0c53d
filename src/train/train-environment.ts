// What training reaches outside for; the command line wires it, tests replace it.
import type { Engine } from '../backends/engine.js';
import type { Progress } from '../evaluate/progress.js';
import type { OpenedModel } from '../models/load-language-model.js';
import type { BuildInfo } from '../package-root.js';
import type { TextGenerator } from '../tasks/text-generator.js';
import type { TrainingRow, ValidationRow } from './step-log.js';
import type { TrainConfig } from './train-config.js';

export interface TrainEnvironment {
  readonly progress: Progress;
  /** A remark for the user, one sentence. */
  readonly log: (sentence: string) => void;
  readonly now: () => Date;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  /** Asks to stop after the step that is running. It is called for when there is work that could be lost. */
  readonly signal: () => AbortSignal;
  readonly build: BuildInfo;
  /** Where the tokens of a corpus are kept. */
  readonly cacheDirectory: string;
  readonly loadGenerator: (name: string) => Promise<TextGenerator>;
  /** Tokens a second that the engine's fastest matrix product would allow a training step; null where no formula is known. */
  readonly ceiling: (opened: OpenedModel, engine: Engine, config: TrainConfig) => Promise<number | null>;
  /** Writes train.csv and validation.csv. */
  readonly saveTables: (
    directory: string,
    training: readonly TrainingRow[],
    validation: readonly ValidationRow[],
  ) => Promise<void>;
}
