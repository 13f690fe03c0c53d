// What one evaluated model amounts to: the object that `run` hands to the report writers, and that results.json holds.
import type { MetricResult } from '../metrics/metric-result.js';
import type { PaperColumn, RecallSetting, TaskKind } from '../tasks/task.js';

export type { MetricResult };

export interface TaskSummary {
  task: string;
  version: string;
  kind: TaskKind;
  split: string;
  /** Documents scored, and the official number of the split. */
  documents: number;
  documentsOriginal: number;
  /** Why fewer documents than the split has, or other text than the benchmark's, were scored; null when the run is whole. */
  label: 'fixtures' | 'partial' | 'limit' | null;
  metrics: MetricResult[];
  /** Accuracy of guessing, and of always giving the most frequent gold index; computed from the documents; null where neither makes sense. */
  chance: number | null;
  majority: number | null;
  paperColumns: readonly PaperColumn[];
  /** Of a recall probe: what its accuracy is plotted against. */
  recall?: RecallSetting | undefined;
  /** Requests whose context was cut on the left to fit the model; pairs whose boundary tokens merged; ties for the best choice. */
  truncated: number;
  boundaryMerges: number;
  ties: number;
  /** Documents left out of every number because the model could not be asked, or ran out of memory, on a request of theirs. */
  skipped: number;
  /** Tokens fed to the model, tokens not fed again thanks to forked states, predicted tokens, wall-clock seconds. */
  inputTokens: number;
  savedTokens: number;
  scoredTokens: number;
  seconds: number;
  /** SHA-256 of the rendered requests (tasks/requests-digest). */
  dataDigest: string;
  /** File or hub address the rows came from. */
  dataOrigin: string;
}

export interface ModelDescription {
  /** As given on the command line. */
  spec: string;
  /** Name in tables: baseline name and size, or the checkpoint directory's name. */
  label: string;
  baseline: string;
  parameters: number;
  /** SHA-256 over the weights, names and shapes. */
  weightsDigest: string;
  config: Record<string, unknown>;
  tokenizer: string;
  tokenizerFingerprint: string;
  vocabularySize: number;
  maxLength: number;
  window: number | null;
}

export interface EngineDescription {
  backend: string;
  dtype: 'f32' | 'f16';
  /** Device in words: adapter, or CPU model. */
  device: string;
  /** The library that multiplied matrices, where the engine has a choice of it; null elsewhere. */
  blas: string | null;
}

/** What scoring ran and took. Of a run that was resumed: the most of its parts. */
export interface RunObservation {
  /** Fused: every op of every batch was computed by a fused kernel. */
  kernels: 'fused' | 'composite';
  memory: RunMemory;
}

/** Bytes on the device (webgpu), of the heap (wasm) or of the process (cpu, tensorflow). */
export interface RunMemory {
  /** Of the weights as they are kept. */
  weightsBytes: number;
  /** The most that was held while the weights were loaded, and while rows were scored, weights included. */
  loadPeakBytes: number;
  scorePeakBytes: number;
  /** What is held after the last batch, free buffers included. */
  heldBytes: number;
  /** Of the state behind the longest scored row, by the model's formula. */
  stateBytes: number;
}

export interface RunSummary {
  runId: string;
  model: ModelDescription;
  engine: EngineDescription;
  /** Null for a run that was killed before it was written down. */
  observed: RunObservation | null;
  tasks: TaskSummary[];
  /** Level of every interval, e.g. 0.95. */
  confidence: number;
  /** Bootstrap replicates for the standard errors that lm-eval bootstraps; 0 = delta method. */
  bootstrapIterations: number;
  limit: number | null;
  batchSize: string;
  seed: number;
  bosPolicy: string;
  date: string;
  /** Tokens that forked states saved in all tasks. */
  savedTokens: number;
  seconds: number;
  build: { version: string; revision: string; dirty: boolean };
}
