// What a training recipe says, with the field's names (torchtitan, Hugging Face) and defaults. Lengths and batches are in tokens
// and rows; a step is one update of the weights.
import { z } from 'zod';

const count = z.int('expected a whole number').nonnegative('expected a whole number from 0 on');
const positive = z.int('expected a whole number').positive('expected a whole number from 1 on');
const positiveNumber = z.number('expected a number').positive('expected a number above 0');
const share = z
  .number('expected a number')
  .min(0, 'expected a number from 0 to 1')
  .max(1, 'expected a number from 0 to 1');
const beta = z.number('expected a number').min(0, 'expected a number from 0 on').lt(1, 'expected a number below 1');
const name = z.string('expected a text').min(1, 'expected a name');
/** A seed that every generator of random numbers takes. */
const seed = count.max(Number.MAX_SAFE_INTEGER);

/** Files (text, JSON lines; either with .gz), or a generator of text. One name or a list stands for `files`. */
const corpus = z.preprocess(
  (value) =>
    typeof value === 'string' ? { files: [value] } : Array.isArray(value) ? { files: value as unknown } : value,
  z
    .strictObject(
      {
        files: z
          .preprocess(
            (value) => (typeof value === 'string' ? [value] : value),
            z.array(name, 'expected file names').min(1, 'expected a file'),
          )
          .optional(),
        /** The key of a JSON line that holds its text. */
        text_field: name.default('text'),
        generator: name.optional(),
        /** How much text the generator writes; by default all that is read, so that none comes twice. */
        tokens: positive.optional(),
      },
      'expected a file, a list of files, or generator: NAME',
    )
    .refine(
      ({ files, generator }) => (files === undefined) !== (generator === undefined),
      'expected either files or a generator',
    )
    .refine(
      ({ files, tokens }) => files === undefined || tokens === undefined,
      'tokens is for a generator; files are read whole',
    ),
);

const validation = z.strictObject(
  {
    data: corpus,
    /** How many tokens are predicted at each length: the same ones at all. */
    tokens: positive.default(65536),
    /** Context lengths; by default the training length. */
    lengths: z.array(positive).min(1, 'expected a length').optional(),
    /** Steps from one validation to the next; there is one behind the last step in any case. */
    every: positive.default(500),
  },
  'expected the keys data, and lengths',
);

const optimizer = z.strictObject(
  {
    /** Learning rate at its peak. */
    lr: positiveNumber.default(3e-4),
    betas: z.tuple([beta, beta]).default([0.9, 0.95]),
    eps: positiveNumber.default(1e-8),
    /** Decoupled, and multiplied by the learning rate; not on norms, biases and embeddings. */
    weight_decay: z.number().nonnegative('expected a number from 0 on').default(0.1),
  },
  'expected the keys lr, betas, eps, weight_decay',
);

const schedule = z.strictObject(
  {
    /** Cosine to the minimum, or warm-up, stable, decay: constant, then linear to the minimum. */
    kind: z.enum(['cosine', 'wsd'], 'expected cosine or wsd').default('cosine'),
    /** Steps to the peak; by default a fiftieth of all. */
    warmup_steps: count.optional(),
    /** The learning rate at the end as a share of the peak. */
    min_lr_factor: share.default(0.1),
    /** Share of the steps in which `wsd` decays. */
    decay_ratio: share.default(0.2),
  },
  'expected the keys kind, warmup_steps, min_lr_factor, decay_ratio',
);

export const trainConfig = z
  .strictObject({
    /** `baseline:size[,key=value...]` or a checkpoint; or several by name, which are trained one after the other. */
    model: z.preprocess(
      (value) => (typeof value === 'string' ? { [value]: value } : value),
      z
        .record(name, name, 'expected baseline:size, or a model by each name')
        .refine((models) => Object.keys(models).length > 0, 'expected a model'),
    ),
    /** `bytes`, a file or a directory; by default that of the model's checkpoint, and bytes for random weights. */
    tokenizer: name.optional(),
    data: corpus,
    validation: validation.optional(),
    /** Tokens that a row predicts. */
    sequence_length: positive,
    /** Attention window in training, for models that have one; by default the model's. */
    window: positive.optional(),
    /** Rows that go through the model at once, or tokens:N for as many as hold N tokens. */
    batch_size: z
      .union([positive, z.templateLiteral(['tokens:', positive])], 'expected a number of rows, or tokens:N')
      .default(8),
    /** Batches whose gradients make one step. */
    accumulation_steps: positive.default(1),
    /** The budget: one of both. */
    steps: positive.optional(),
    tokens: positive.optional(),
    optimizer: optimizer.prefault({}),
    schedule: schedule.prefault({}),
    /** Gradients of a larger norm are scaled down to it; null: never. */
    max_grad_norm: positiveNumber.nullable().default(1),
    /** A loss beyond so many times the running median, and worse than guessing, ends the run; null: only NaN does. */
    max_loss_factor: z.number().gt(1, 'expected a number above 1').nullable().default(3),
    backend: z
      .enum(['auto', 'webgpu', 'tensorflow', 'wasm', 'cpu'], 'expected a backend of `swat-eval ls backends`')
      .default('auto'),
    /** Precision of the products; master weights, moments and sums are f32 in either. */
    dtype: z.enum(['f32', 'f16'], 'expected f32 or f16').default('f32'),
    seeds: z.strictObject({ init: seed.default(0), data: seed.default(0) }, 'expected init and data').prefault({}),
    log_every: positive.default(10),
    checkpoint_every: positive.default(500),
    /** Checkpoints that stay, the newest ones. */
    keep_checkpoints: positive.default(2),
    /** How the weights in final/ are stored; checkpoints are f32. */
    final_dtype: z.enum(['f32', 'f16', 'bf16'], 'expected f32, f16 or bf16').default('f32'),
  })
  .refine(({ steps, tokens }) => (steps === undefined) !== (tokens === undefined), {
    path: ['steps'],
    message: 'expected the budget as either steps or tokens',
  });

export type TrainConfig = z.infer<typeof trainConfig>;
export type CorpusConfig = TrainConfig['data'];
