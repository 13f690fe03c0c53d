// The families of the delta rule, by their config.json: flash-linear-attention's `delta_net` and `gated_deltanet`.
import { z } from 'zod';
import { boolean, configError, or, positiveInteger, positiveNumber, readKeys } from '../checkpoint/config-keys.js';
import { flaKeys, flaTrunk } from '../checkpoint/fla-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { CANONICAL, defineFamily, NORM_FIRST } from '../family.js';
import { expandedHeads } from './expanded-heads.js';
import { DeltaNet, type DeltaNetConfig } from './delta-net.js';

const deltaKeys = flaKeys.extend({
  use_short_conv: or(boolean, true),
  conv_size: or(positiveInteger, 4),
  allow_neg_eigval: or(boolean, false),
});

const deltaNetKeys = deltaKeys.extend({
  num_hidden_layers: or(positiveInteger, 24),
  num_heads: or(positiveInteger, 16),
  expand_k: or(positiveNumber, 1),
  expand_v: or(positiveNumber, 1),
  use_beta: or(boolean, true),
  use_gate: or(boolean, false),
  qk_activation: z.literal('silu', 'expected silu').nullish(),
  qk_norm: z.literal('l2', 'expected l2').nullish(),
  use_output_norm: boolean.nullish(), // the layer norms its output whatever this says
});

const gatedDeltaNetKeys = deltaKeys.extend({
  num_hidden_layers: or(positiveInteger, 21),
  head_dim: or(positiveInteger, 256),
  num_heads: or(positiveInteger, 6),
  num_v_heads: positiveInteger.nullish(),
  expand_v: or(positiveNumber, 2),
  use_gate: or(boolean, true),
});

const createMixer = (config: ModelConfig & DeltaNetConfig) => new DeltaNet(config);

export const deltaNet = defineFamily({
  layouts: [CANONICAL, NORM_FIRST],
  readConfig(raw, file) {
    const keys = readKeys(deltaNetKeys, raw, file);
    const { heads, keyDim, valueDim } = expandedHeads(keys, file);
    return {
      ...flaTrunk('delta_net', keys, file),
      ...common(keys),
      ...{ heads, valueHeads: heads, keyDim, valueDim },
      decay: false,
      learnedRate: keys.use_beta,
      outputGate: keys.use_gate,
    };
  },
  createMixer,
});

export const gatedDeltaNet = defineFamily({
  layouts: [CANONICAL, NORM_FIRST],
  unusedTensors: [/\.attn\.D$/], // held by files from before March 2025
  readConfig(raw, file) {
    const keys = readKeys(gatedDeltaNetKeys, raw, file);
    const valueHeads = keys.num_v_heads ?? keys.num_heads;
    if (valueHeads % keys.num_heads !== 0)
      throw configError(file, `${valueHeads} value heads cannot share ${keys.num_heads} query and key heads evenly`);
    const valueDim = keys.head_dim * keys.expand_v;
    if (!Number.isInteger(valueDim))
      throw configError(file, `"expand_v" is ${keys.expand_v}: ${valueDim} is no size of a head`);
    return {
      ...flaTrunk('gated_deltanet', keys, file),
      ...common(keys),
      heads: keys.num_heads,
      valueHeads,
      keyDim: keys.head_dim,
      valueDim,
      decay: true,
      learnedRate: true,
      outputGate: keys.use_gate,
    };
  },
  createMixer,
});

function common(keys: z.infer<typeof deltaKeys>) {
  return {
    convolutionTaps: keys.use_short_conv ? keys.conv_size : null,
    negativeEigenvalues: keys.allow_neg_eigval,
  };
}
