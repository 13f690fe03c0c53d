// The checkpoint that lm-evaluation-harness scored for test/fixtures/lm-eval: a Llama of two layers with the tokenizer of
// GPT-NeoX, written the same to the bit on every machine.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { normaliseConfig } from '../../src/models/checkpoint/normalise-config.js';
import { modelParameters } from '../../src/models/checkpoint/parameters.js';
import type { TensorSource } from '../../src/models/checkpoint/safetensors.js';
import { writeCheckpoint } from '../../src/models/checkpoint/write-checkpoint.js';
import { initialWeights } from '../../src/models/initialisation.js';
import type { ParameterSpec } from '../../src/models/mixer.js';

/** Wide enough a spread of the weights that log-probabilities vary, short enough an input that texts are cut. */
export const checkpointConfig = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 50304,
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  hidden_act: 'silu',
  initializer_range: 0.2,
  tie_word_embeddings: false,
  bos_token_id: 0,
  eos_token_id: 0,
};

export const checkpointSeed = 6;

/** Words that the model is fond of, or it would never be right: no, yes, list, book, together, company, story, coffee. */
export const favouredTokens = [642, 4754, 1618, 1984, 2366, 2567, 2926, 8574];
/** By how much their rows of the head are longer. */
export const favour = 4;

const tokenizerConfig = {
  add_prefix_space: false,
  bos_token: '<|endoftext|>',
  eos_token: '<|endoftext|>',
  unk_token: '<|endoftext|>',
  tokenizer_class: 'GPTNeoXTokenizer',
};

/** @param tokenizer GPT-NeoX's tokenizer.json, gzipped. */
export async function writeLmEvalCheckpoint(directory: string, tokenizer: string): Promise<void> {
  const parameters = modelParameters(normaliseConfig(checkpointConfig, 'config.json'));
  await writeCheckpoint(directory, {
    rawConfig: checkpointConfig,
    tensors: new Map(parameters.map((parameter) => [parameter.name, weights(parameter)])),
    dtype: 'f32',
    maxShardBytes: 5e9,
  });
  await writeFile(path.join(directory, 'tokenizer.json'), gunzipSync(await readFile(tokenizer)));
  await writeFile(path.join(directory, 'tokenizer_config.json'), JSON.stringify(tokenizerConfig));
}

function weights(parameter: ParameterSpec): TensorSource {
  return {
    shape: parameter.shape,
    read: async () => {
      const values = initialWeights(parameter, checkpointSeed);
      if (parameter.name !== 'lm_head.weight') return values;
      const width = parameter.shape[1]!;
      for (const token of favouredTokens)
        for (let column = 0; column < width; column++) values[token * width + column]! *= favour;
      return values;
    },
  };
}
