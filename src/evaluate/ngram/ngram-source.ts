// `--model ngram:5[,generator=mini,tokens=2000000,seed=0]`: the n-gram baseline as a model to evaluate. It is trained when it is
// loaded, on a generator's text in the tokens of `--tokenizer`.
import { createHash } from 'node:crypto';
import os from 'node:os';
import { closest } from '../../did-you-mean.js';
import type { ModelSpec } from '../../models/model-spec.js';
import type { TextGenerator } from '../../tasks/text-generator.js';
import { loadTextGenerator } from '../../tasks/text-generators.js';
import { loadTokenizer } from '../../tokenizers/load-tokenizer.js';
import { prefixTokenId, type Tokenizer } from '../../tokenizers/tokenizer.js';
import { UserError } from '../../user-error.js';
import type { LoadedModel, ModelSource } from '../model-source.js';
import type { RunSettings } from '../run-settings.js';
import { NgramModel } from './ngram-model.js';
import { ngramScorer } from './ngram-scorer.js';

export const NGRAM = 'ngram';

/** Longer ones see more than any smoothing can make use of. */
const HIGHEST_ORDER = 9;
const DEFAULTS = { generator: 'mini', tokens: 2_000_000 };
/** No input is too long for it: this one is longer than any text of a task. */
const LONGEST_INPUT = 1 << 20;

interface NgramSettings {
  readonly order: number;
  readonly generator: string;
  readonly tokens: number;
  readonly seed: number;
}

/** @throws UserError 'usage' for an order, a setting or a generator that there is not, 'data' for a tokenizer that is damaged. */
export async function openNgramSource(
  spec: string,
  parsed: Extract<ModelSpec, { kind: 'baseline' }>,
  { tokenizer, maxLength, seed }: Pick<RunSettings, 'tokenizer' | 'maxLength' | 'seed'>,
): Promise<ModelSource> {
  const settings = readSettings(spec, parsed, seed);
  const generator = await loadTextGenerator(settings.generator);
  const ownTokenizer = await loadTokenizer(tokenizer ?? 'bytes');
  const longest = maxLength ?? LONGEST_INPUT;
  return {
    spec,
    tokenizer: ownTokenizer,
    vocabularySize: ownTokenizer.vocabularySize,
    maxLength: longest,
    load: async () => train(spec, settings, generator, ownTokenizer, longest),
  };
}

function train(
  spec: string,
  settings: NgramSettings,
  generator: TextGenerator,
  tokenizer: Tokenizer,
  maxLength: number,
): LoadedModel {
  const { order, tokens, seed } = settings;
  const stream = trainingTokens(generator, tokenizer, seed, tokens);
  const model = new NgramModel(stream, order, tokenizer.vocabularySize);
  const bytes = model.bytes;
  return {
    description: {
      spec,
      label: `${NGRAM}:${order}`,
      baseline: NGRAM,
      parameters: model.size,
      weightsDigest: createHash('sha256').update(`${order} `).update(stream).digest('hex'),
      config: { ...settings, smoothing: 'interpolated modified Kneser-Ney' },
      tokenizer: tokenizer.name,
      tokenizerFingerprint: tokenizer.fingerprint,
      vocabularySize: tokenizer.vocabularySize,
      maxLength,
      window: order,
    },
    engine: { backend: 'none', dtype: 'f32', device: os.cpus()[0]?.model ?? os.arch(), blas: null },
    scorer: ngramScorer(model, maxLength),
    observed: () => ({
      kernels: 'composite',
      memory: { weightsBytes: bytes, loadPeakBytes: bytes, scorePeakBytes: bytes, heldBytes: bytes, stateBytes: 0 },
    }),
    dispose: () => {},
  };
}

/** Documents of the training side, each after the token that stands before a text, where the tokenizer has one. */
function trainingTokens(generator: TextGenerator, tokenizer: Tokenizer, seed: number, tokens: number): Int32Array {
  const stream = new Int32Array(tokens);
  const prefix = prefixTokenId(tokenizer);
  let length = 0;
  for (const document of generator.documents(seed, 'train')) {
    const ids = [...(prefix === null ? [] : [prefix]), ...tokenizer.encode(document)].slice(0, tokens - length);
    stream.set(ids, length);
    length += ids.length;
    if (length === tokens) break;
  }
  return stream;
}

function readSettings(
  spec: string,
  { size, overrides }: Extract<ModelSpec, { kind: 'baseline' }>,
  defaultSeed: number,
): NgramSettings {
  const { generator = DEFAULTS.generator, tokens, seed, ...unknown } = overrides;
  const [key] = Object.keys(unknown);
  if (key !== undefined) {
    const meant = closest(key, ['generator', 'tokens', 'seed']);
    const question = meant === null ? '' : `; did you mean "${meant}"?`;
    throw new UserError('usage', `model '${spec}' has an unknown setting "${key}"${question}`, { hint: HINT });
  }
  const whole = (what: string, text: string | undefined, fallback: number, least: number, most: number): number => {
    const value = text === undefined ? fallback : Number(text);
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new UserError('usage', `model '${spec}': ${what} is a whole number from ${least} to ${most}, not ${text}`, {
      hint: HINT,
    });
  };
  return {
    order: whole('the order', size, NaN, 1, HIGHEST_ORDER),
    generator,
    tokens: whole('tokens', tokens, DEFAULTS.tokens, 1, 2 ** 28),
    seed: whole('seed', seed, defaultSeed, 0, Number.MAX_SAFE_INTEGER),
  };
}

const HINT = 'ngram:ORDER[,generator=mini,tokens=2000000,seed=0], e.g. ngram:5';
