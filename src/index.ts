// The library's face: load a model, look at its logits and gradients, score token sequences. The command line has the rest.
import * as tf from '#tfjs';
import { startEngine, type BackendName } from './backends/engine.js';
import { inputAndTargets, prefixTokenOf } from './evaluate/encode-pair.js';
import { createScorer } from './evaluate/model-scorer.js';
import { plainBatch } from './evaluate/scorer.js';
import type { ScoreRow } from './evaluate/scorer.js';
import { gradientsAsStored } from './models/checkpoint/parameter-names.js';
import type { RawConfig } from './models/define-baseline.js';
import { openModel, startModel, type OpenOptions } from './models/load-language-model.js';
import { UserError } from './user-error.js';

export { UserError } from './user-error.js';
export { writeCheckpoint, type CheckpointContents } from './models/checkpoint/write-checkpoint.js';
export type { BackendName } from './backends/engine.js';

export interface LoadOptions extends OpenOptions {
  /** `auto` (default): a real GPU through webgpu, else tensorflow, else wasm. */
  readonly backend?: BackendName | 'auto';
  /** Precision of weights and products. */
  readonly dtype?: 'f32' | 'f16';
  /** Told what `auto` chose, and when a GPU is a software one. */
  readonly log?: (sentence: string) => void;
}

/** A request in token ids: log p(continuation | context). An empty context stands for the tokenizer's BOS, else EOS. */
export interface TokenRequest {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

export interface TokenScore {
  /** Sum over the continuation's tokens, in nats. */
  readonly logprob: number;
  /** Whether every token of the continuation was the argmax. */
  readonly greedy: boolean;
  readonly tokens: number;
}

export interface LoadedModel {
  readonly parameterCount: number;
  /** config.json as it was read. */
  readonly config: RawConfig;
  /** Longest input in tokens. */
  readonly maxLength: number;
  /** ids [B][T] -> logits [B, T, V], row-major. */
  logits(ids: readonly (readonly number[])[]): Promise<{ data: Float32Array; shape: [number, number, number] }>;
  /**
   * Mean next-token cross-entropy in nats over the B x (T - 1) predictions inside ids [B][T], and its gradient by
   * parameter name as in the checkpoint (for random weights, flash-linear-attention's names).
   * @throws UserError 'usage' for a model in f16.
   */
  lossAndGradients(
    ids: readonly (readonly number[])[],
  ): Promise<{ loss: number; gradients: Map<string, Float32Array> }>;
  /** @throws UserError 'data' for a continuation that is empty or longer than `maxLength`. */
  score(requests: readonly TokenRequest[]): Promise<TokenScore[]>;
  dispose(): Promise<void>;
}

/**
 * @param spec a shipped checkpoint's name, a checkpoint directory, or `baseline:size[,key=value...]` for seeded random weights
 * @throws UserError 'device' when the backend does not start, 'usage' for an unknown model, 'data' for a damaged checkpoint
 */
export async function loadModel(spec: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const opened = await openModel(spec, options);
  const engine = await startEngine(options.backend ?? 'auto', options.log === undefined ? {} : { log: options.log });
  const { model } = await startModel(opened, engine, options.dtype);
  const scorer = createScorer(model, engine);

  const idsTensor = (ids: readonly (readonly number[])[]) => {
    engine.use();
    const flat = ids.flat();
    const wrong = flat.find((id) => !Number.isInteger(id) || id < 0 || id >= model.vocabularySize);
    if (wrong !== undefined)
      throw new UserError('data', `token id ${wrong} is outside the vocabulary of ${model.vocabularySize} ids`);
    return tf.tensor2d(Int32Array.from(flat), [ids.length, ids[0]?.length ?? 0], 'int32');
  };

  return {
    parameterCount: model.parameterCount,
    config: opened.rawConfig,
    maxLength: model.maxLength,

    async logits(ids) {
      const input = idsTensor(ids);
      const [batch, length] = input.shape;
      const logits = tf.tidy(() => model.logits(tf.reshape(model.forward(input).hidden, [-1, model.hiddenSize])));
      const data = (await logits.data()) as Float32Array;
      tf.dispose([input, logits]);
      return { data, shape: [batch, length, model.vocabularySize] };
    },

    async lossAndGradients(ids) {
      if (options.dtype === 'f16')
        throw new UserError('usage', 'a model in f16 computes no gradients', { hint: "load it with dtype: 'f32'" });
      const input = idsTensor(ids);
      const { loss, gradients } = model.lossAndGradients(input);
      const [value] = await loss.data();
      const byName = new Map<string, Float32Array>();
      for (const [name, gradient] of gradients) byName.set(name, (await gradient.data()) as Float32Array);
      tf.dispose([input, loss, ...gradients.values()]);
      return { loss: value!, gradients: opened.sources === null ? byName : gradientsAsStored(opened.sources, byName) };
    },

    async score(requests) {
      const startsEmpty = requests.some(({ context }) => context.length === 0);
      const prefix = startsEmpty ? [prefixTokenOf(await opened.tokenizer(), { bos: 'auto' })] : [];
      const rows = requests.map((request): ScoreRow => {
        const context = request.context.length > 0 ? request.context : prefix;
        const pair = inputAndTargets({ context, continuation: request.continuation }, model.maxLength);
        if (pair.kind === 'unscorable') throw new UserError('data', `a request cannot be scored: ${pair.reason}`);
        return { input: pair.input, queries: [{ targets: pair.targets }] };
      });
      const scores: TokenScore[] = [];
      while (scores.length < rows.length) {
        const batch = nextBatch(rows.slice(scores.length), scorer.tokenBudget);
        const scored = await scorer.score(plainBatch(batch));
        scored.forEach(([score], i) => scores.push({ ...score!, tokens: batch[i]!.queries[0]!.targets.length }));
      }
      return scores;
    },

    async dispose() {
      model.dispose();
    },
  };
}

/** The first rows, as many as the padded tokens of a batch may be; at least one. */
function nextBatch(rows: readonly ScoreRow[], tokenBudget: number): readonly ScoreRow[] {
  let longest = 0;
  for (let count = 0; count < rows.length; count++) {
    longest = Math.max(longest, rows[count]!.input.length);
    if (count > 0 && longest * (count + 1) > tokenBudget) return rows.slice(0, count);
  }
  return rows;
}
