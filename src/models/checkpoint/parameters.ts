// Every parameter of a model: canonical name, shape, how it starts, whether AdamW decays it. The names are
// flash-linear-attention's; matrices are stored [outputs, inputs], as PyTorch does.
import type { ParameterSpec } from '../mixer.js';
import type { ModelConfig } from './model-config.js';

const MIXER_PARAMETERS: Record<ModelConfig['mixer'], (config: ModelConfig) => ParameterSpec[]> = {
  attention: attentionParameters,
};

/** From the embedding to the head, in the order of the forward pass. A tied head is the embedding and not listed. */
export function modelParameters(config: ModelConfig): ParameterSpec[] {
  const embedding = matrix('model.embeddings.weight', config.vocabularySize, config.hiddenSize, config);
  const layer = layerParameters(config);
  return [
    { ...embedding, decay: false },
    ...Array.from({ length: config.layers }, (_, i) =>
      layer.map((parameter) => ({ ...parameter, name: `model.layers.${i}.${parameter.name}` })),
    ).flat(),
    norm('model.norm.weight', config.hiddenSize),
    ...(config.tied ? [] : [matrix('lm_head.weight', config.vocabularySize, config.hiddenSize, config)]),
  ];
}

/** One block's, named inside the layer: `attn_norm.weight`. */
export function layerParameters(config: ModelConfig): ParameterSpec[] {
  const { hiddenSize, intermediateSize, mlpBias } = config;
  return [
    norm('attn_norm.weight', hiddenSize),
    ...MIXER_PARAMETERS[config.mixer](config),
    norm('mlp_norm.weight', hiddenSize),
    ...linear('mlp.gate_proj', intermediateSize, hiddenSize, mlpBias, config),
    ...linear('mlp.up_proj', intermediateSize, hiddenSize, mlpBias, config),
    ...linear('mlp.down_proj', hiddenSize, intermediateSize, mlpBias, config),
  ];
}

/** Those of windowed and full attention, named inside the layer: `attn.q_proj.weight`. */
export function attentionParameters(config: ModelConfig): ParameterSpec[] {
  const { hiddenSize, heads, kvHeads, headDim, qkvBias, outputBias, qkNorm } = config;
  return [
    ...linear('attn.q_proj', heads * headDim, hiddenSize, qkvBias, config),
    ...linear('attn.k_proj', kvHeads * headDim, hiddenSize, qkvBias, config),
    ...linear('attn.v_proj', kvHeads * headDim, hiddenSize, qkvBias, config),
    ...linear('attn.o_proj', hiddenSize, heads * headDim, outputBias, config),
    ...(qkNorm === null ? [] : [norm('attn.q_norm.weight', headDim), norm('attn.k_norm.weight', headDim)]),
  ];
}

export function parameterCount(config: ModelConfig): number {
  return modelParameters(config).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

function linear(name: string, outputs: number, inputs: number, bias: boolean, config: ModelConfig): ParameterSpec[] {
  const weight = matrix(`${name}.weight`, outputs, inputs, config);
  if (!bias) return [weight];
  return [weight, { name: `${name}.bias`, shape: [outputs], initialisation: { kind: 'zeros' }, decay: false }];
}

function matrix(name: string, rows: number, columns: number, { initializerRange }: ModelConfig): ParameterSpec {
  return { name, shape: [rows, columns], initialisation: { kind: 'normal', std: initializerRange }, decay: true };
}

function norm(name: string, size: number): ParameterSpec {
  return { name, shape: [size], initialisation: { kind: 'ones' }, decay: false };
}
