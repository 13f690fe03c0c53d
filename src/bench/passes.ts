// What a cell repeats: a forward pass with log-probabilities, decoding, a training step. Each ends with values on the host, so
// that its time is the whole of it.
import * as tf from '#tfjs';
import { AdamWOptimizer } from '../models/adamw-optimizer.js';
import type { Decoder } from '../models/decoder.js';
import { GreedyDecoder } from '../models/greedy-decoding.js';
import type { ModelState } from '../models/language-model.js';
import { scope } from '../ops/scope.js';
import type { Cell } from './cells.js';
import { randomIntegers } from './random.js';

/** One repetition. What it makes is gone at its end. */
export interface Pass {
  run(): Promise<void>;
  dispose(): void;
}

export interface PassOptions {
  /** Decoded tokens are read back after so many. */
  readonly readEvery: number;
  readonly decayed: (parameter: string) => boolean;
}

/** Tokens that go through at once where nobody times it: what is there of a context before the cell begins. */
export const CONTEXT_PIECE = 2048;

const OPTIMIZER = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradNorm: 1 };
const LEARNING_RATE = 1e-5;

/** Computes the context of the cell, if it has one. */
export function preparePass(model: Decoder, cell: Cell, options: PassOptions): Pass {
  switch (cell.kind) {
    case 'prefill':
      return preparePrefill(model, cell);
    case 'decode':
    case 'prefill+decode':
      return prepareDecode(model, cell, options);
    case 'train':
      return prepareTraining(model, cell, options);
    default:
      return cell.kind satisfies never;
  }
}

function preparePrefill(model: Decoder, { batch, prompt, depth }: Cell): Pass {
  const ids = randomIds(model, [batch, prompt], 1) as tf.Tensor2D;
  const targets = randomIds(model, [batch * prompt], 2) as tf.Tensor1D;
  const before = depth === 0 ? null : contextState(model, batch, depth);
  return {
    async run() {
      const { logprob, greedy } = scope(() => {
        const { hidden } = before === null ? model.forward(ids) : model.forward(ids, before);
        return model.logProbs(tf.reshape(hidden, [-1, model.hiddenSize]) as tf.Tensor2D, targets);
      });
      await logprob.data();
      tf.dispose([logprob, greedy]);
    },
    dispose: () => tf.dispose([ids, targets, ...tensorsOf(before)]),
  };
}

function prepareDecode(model: Decoder, { batch, prompt, generated, depth }: Cell, { readEvery }: PassOptions): Pass {
  const start = depth === 0 ? model.initialState(batch) : contextState(model, batch, depth);
  const ids = randomIds(model, [batch, prompt], 1) as tf.Tensor2D;
  const first = randomIds(model, [batch], 2) as tf.Tensor1D;
  const decoder = new GreedyDecoder(model);
  return {
    async run() {
      const prefilled = prompt === 0 ? null : scope(() => model.forward(ids, start).state);
      await decoder.decode(prefilled ?? start, first, generated, readEvery);
      tf.dispose(freed(prefilled, start));
    },
    dispose() {
      decoder.dispose();
      tf.dispose([ids, first, ...tensorsOf(start)]);
    },
  };
}

function prepareTraining(model: Decoder, { batch, prompt }: Cell, { decayed }: PassOptions): Pass {
  const ids = randomIds(model, [batch, prompt + 1], 1) as tf.Tensor2D;
  const optimizer = new AdamWOptimizer(model.parameters, { ...OPTIMIZER, decayed });
  return {
    async run() {
      const { loss, gradients } = model.lossAndGradients(ids);
      const norm = optimizer.gradientNorm(gradients);
      optimizer.step(gradients, LEARNING_RATE, (await norm.data())[0]!);
      tf.dispose([loss, norm, ...gradients.values()]);
      await updated(model);
    },
    dispose() {
      optimizer.dispose();
      ids.dispose();
    },
  };
}

/** An update is over when a weight that it changes can be read. */
async function updated({ parameters }: Decoder): Promise<void> {
  const first = scope(() => tf.slice(tf.reshape(parameters.get(parameters.names()[0]!), [-1]), 0, 1));
  await first.data();
  first.dispose();
}

/** The state of `batch` rows after `depth` random tokens. */
function contextState(model: Decoder, batch: number, depth: number): ModelState {
  let state = model.initialState(batch);
  for (let position = 0; position < depth; position += CONTEXT_PIECE) {
    const next = scope(() => {
      const ids = randomIds(model, [batch, Math.min(CONTEXT_PIECE, depth - position)], position) as tf.Tensor2D;
      return model.forward(ids, state).state;
    });
    tf.dispose(freed(state, next));
    state = next;
  }
  return state;
}

/** Seeded, so that a cell has the same input every time. */
function randomIds({ vocabularySize }: Decoder, shape: number[], seed: number): tf.Tensor {
  const count = shape.reduce((product, length) => product * length, 1);
  return tf.tensor(randomIntegers(count, vocabularySize, seed), shape, 'int32');
}

/** The tensors of a state that none of the others holds, too. */
function freed(state: ModelState | null, ...others: readonly ModelState[]): tf.Tensor[] {
  const kept = new Set(others.flatMap(tensorsOf));
  return tensorsOf(state).filter((tensor) => !kept.has(tensor));
}

function tensorsOf(state: ModelState | null): tf.Tensor[] {
  return state === null ? [] : tf.tensor_util.getTensorsInContainer(state as unknown as tf.TensorContainer);
}
