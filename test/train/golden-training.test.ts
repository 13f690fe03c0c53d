import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { modelParameters } from '../../src/models/checkpoint/parameters.js';
import { openModel, startModel } from '../../src/models/load-language-model.js';
import { packageRoot } from '../../src/package-root.js';
import { byteLevelBpe } from '../tokenizers/tiny-tokenizers.js';
import { newestCheckpoint } from '../../src/train/checkpoints.js';
import { learningRate } from '../../src/train/schedule.js';
import { RowStream } from '../../src/train/row-stream.js';
import { TokenFile, writeTokenFile } from '../../src/train/token-file.js';
import { loadTokenizer } from '../../src/tokenizers/load-tokenizer.js';
import { corpusDirectory, curveOf, someText, tinyConfig, trainIn } from './fake-training.js';

const GOLDEN = path.join(packageRoot, 'test', 'fixtures', 'golden', 'swat');
const STEPS = 50;
const ROWS = 2;
const LENGTH = 32;

/** Within the golden model's 128 ids. */
const CHARACTERS = 'abcdefghijklmnopqrstuvwxyzT0123456789.\u0120\u010a';

/** AdamW as its paper writes it, in f64, over what `lossAndGradients` gives: the losses of every step. */
async function handWrittenLosses(directory: string, tokenizerFile: string): Promise<number[]> {
  const opened = await openModel(GOLDEN);
  const { model } = await startModel(opened, await startEngine('wasm'));
  const tokens = path.join(directory, 'own-tokens');
  await writeTokenFile(tokens, await loadTokenizer(tokenizerFile), [{ text: someText(200), last: true }]);
  const rows = new RowStream(TokenFile.open(tokens)!, LENGTH, 0);
  const weights = new Map<string, Float64Array>();
  for (const name of model.parameters.names())
    weights.set(name, Float64Array.from(await model.parameters.get(name).data()));
  const zeros = () => new Map([...weights].map(([name, { length }]) => [name, new Float64Array(length)]));
  const [means, squares] = [zeros(), zeros()];
  const specs = new Map(modelParameters(opened.config).map((spec) => [spec.name, spec]));
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const ids = Array.from({ length: ROWS }, (_, k) => [...rows.row((step - 1) * ROWS + k).ids]);
    const input = tf.tensor2d(ids, undefined, 'int32');
    const { loss, gradients } = model.lossAndGradients(input);
    losses.push((await loss.data())[0]!);
    const read = new Map<string, ArrayLike<number>>();
    for (const [name, gradient] of gradients) read.set(name, await gradient.data());
    tf.dispose([input, loss, ...gradients.values()]);
    const norm = Math.hypot(...[...read.values()].map((gradient) => Math.hypot(...Array.from(gradient))));
    const schedule = {
      kind: 'cosine',
      peak: 0.01,
      minimum: 0.001,
      warmupSteps: 5,
      decaySteps: 0,
      steps: STEPS,
    } as const;
    const rate = learningRate(schedule, step);
    for (const [name, weight] of weights) {
      const [mean, square, gradient] = [means.get(name)!, squares.get(name)!, read.get(name)!];
      const { decay, shape } = specs.get(name)!;
      for (let k = 0; k < weight.length; k++) {
        const g = gradient[k]! * Math.min(1, 0.5 / norm);
        mean[k] = 0.9 * mean[k]! + 0.1 * g;
        square[k] = 0.95 * square[k]! + 0.05 * g * g;
        const change = mean[k]! / (1 - 0.9 ** step) / (Math.sqrt(square[k]! / (1 - 0.95 ** step)) + 1e-8);
        weight[k]! -= rate * (change + (decay ? 0.1 * weight[k]! : 0));
      }
      model.parameters.set(name, Float32Array.from(weight), shape);
    }
  }
  model.dispose();
  return losses;
}

test.serial(
  'the golden SWAT trained by a recipe has the losses of a hand-written loop over lossAndGradients',
  async (t) => {
    const directory = corpusDirectory(t);
    const tokenizer = path.join(directory, 'tokenizer.json');
    writeFileSync(tokenizer, JSON.stringify(byteLevelBpe(CHARACTERS, [])));
    const config = tinyConfig({
      ...{
        model: { golden: GOLDEN },
        tokenizer: 'tokenizer.json',
        backend: 'wasm',
        steps: STEPS,
        validation: undefined,
      },
      ...{ batch_size: ROWS, sequence_length: LENGTH, checkpoint_every: 25, max_grad_norm: 0.5 },
      schedule: { kind: 'cosine', warmup_steps: 5, min_lr_factor: 0.1 },
    });
    const [outcome] = await trainIn(directory, config);
    if (outcome!.status !== 'complete') return t.fail(JSON.stringify(outcome));
    const losses = curveOf(outcome!.directory).map(({ loss }) => loss!);
    const wanted = await handWrittenLosses(directory, tokenizer);
    t.is(losses.length, STEPS);
    const off = Math.max(...losses.map((loss, k) => Math.abs(loss - wanted[k]!)));
    t.true(off < 2e-5, `a loss is off by ${off}`);
    t.true(losses.at(-1)! < losses[0]! - 2, 'it learns');
    t.is(newestCheckpoint(outcome!.directory)?.state.step, STEPS);
  },
);
