// Hybrid stacks: flash-linear-attention's `attn` in config.json puts softmax attention, windowed or full, into the layers it
// lists, in place of the family's own mixer. Truth: its configuration and modelling classes of linear-recurrent models.
import { z } from 'zod';
import { boolean, configError, or, parse, positiveInteger, positiveNumber } from './checkpoint/config-keys.js';
import type { ModelConfig } from './checkpoint/model-config.js';
import { defineFamily, type Family } from './family.js';
import { checkedHeads } from './mixers/attention-config.js';
import { Attention, type AttentionConfig } from './mixers/attention.js';

const attentionKeys = z.strictObject({
  layers: z.array(z.int('expected a layer index'), 'expected a list of layer indices'),
  num_heads: positiveInteger,
  num_kv_heads: positiveInteger.nullish(),
  qkv_bias: or(boolean, false),
  window_size: positiveInteger.nullish(),
  rope_theta: or(positiveNumber, 10_000),
});

interface HybridConfig {
  /** The configuration of every layer that is attention, by its index. */
  readonly attention: ReadonlyMap<number, ModelConfig & AttentionConfig>;
}

/** `family` as it is, and with some of its layers replaced by attention. */
export function hybrid(family: Family<ModelConfig>): Family<ModelConfig> {
  return defineFamily<ModelConfig & HybridConfig>({
    ...family,
    readConfig(raw, file, shapeOf) {
      const { attn, ...own } = raw as { attn?: unknown };
      const config = family.readConfig(own, file, shapeOf);
      return { ...config, attention: attentionLayers(attn, config, file) };
    },
    createMixer(config, layer) {
      const attention = config.attention.get(layer);
      return attention === undefined ? family.createMixer(config, layer) : new Attention(attention);
    },
  });
}

/** One object for all listed layers, or a list of such where they differ. */
function attentionLayers(attn: unknown, config: ModelConfig, file: string) {
  const layers = new Map<number, ModelConfig & AttentionConfig>();
  const schema = Array.isArray(attn) ? z.array(attentionKeys) : attentionKeys.nullish();
  const { attn: stated } = parse(z.object({ attn: schema }), { attn }, file);
  for (const keys of [stated ?? []].flat())
    for (const layer of keys.layers) {
      if (layer < 0 || layer >= config.layers)
        throw configError(file, `"attn.layers" names layer ${layer}, and the layers are 0 to ${config.layers - 1}`);
      if (layers.has(layer)) throw configError(file, `"attn.layers" names layer ${layer} twice`);
      layers.set(layer, attentionOf(keys, config, file));
    }
  return layers;
}

function attentionOf(keys: z.infer<typeof attentionKeys>, config: ModelConfig, file: string) {
  return checkedHeads(
    {
      ...config,
      activation: 'softmax',
      slopes: null,
      window: keys.window_size ?? null,
      ropeTheta: keys.rope_theta,
      heads: keys.num_heads,
      kvHeads: keys.num_kv_heads ?? keys.num_heads,
      headDim: config.hiddenSize / keys.num_heads,
      qkvBias: keys.qkv_bias,
      outputBias: false,
      qkNorm: null,
    },
    file,
  );
}
