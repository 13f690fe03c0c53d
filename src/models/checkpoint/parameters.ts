// Every parameter of a model: canonical name, shape, how it starts, whether AdamW decays it. The names are
// flash-linear-attention's.
import type { ParameterSpec } from '../mixer.js';
import { familyOf } from '../families.js';
import { linearParameters, matrixParameter, normParameter } from '../parameter-spec.js';
import type { ModelConfig } from './model-config.js';

/** From the embedding to the head, in the order of the forward pass. A tied head is the embedding and not listed. */
export function modelParameters(config: ModelConfig): ParameterSpec[] {
  const { vocabularySize, hiddenSize, initializerRange } = config;
  const embedding = matrixParameter('model.embeddings.weight', vocabularySize, hiddenSize, initializerRange);
  return [
    { ...embedding, decay: false },
    ...Array.from({ length: config.layers }, (_, layer) =>
      layerParameters(config, layer).map((parameter) => ({
        ...parameter,
        name: `model.layers.${layer}.${parameter.name}`,
      })),
    ).flat(),
    normParameter('model.norm.weight', hiddenSize),
    ...(config.tied ? [] : [matrixParameter('lm_head.weight', vocabularySize, hiddenSize, initializerRange)]),
  ];
}

/** One block's, named inside the layer: `attn_norm.weight`. */
export function layerParameters(config: ModelConfig, layer: number): ParameterSpec[] {
  const { hiddenSize, intermediateSize } = config;
  return [
    normParameter('attn_norm.weight', hiddenSize),
    ...familyOf(config).createMixer(config, layer).parameters,
    ...(intermediateSize === null ? [] : feedForwardParameters(config, intermediateSize)),
  ];
}

function feedForwardParameters(config: ModelConfig, intermediateSize: number): ParameterSpec[] {
  const { hiddenSize, mlpBias, initializerRange } = config;
  return [
    normParameter('mlp_norm.weight', hiddenSize),
    ...linearParameters('mlp.gate_proj', intermediateSize, hiddenSize, mlpBias, initializerRange),
    ...linearParameters('mlp.up_proj', intermediateSize, hiddenSize, mlpBias, initializerRange),
    ...linearParameters('mlp.down_proj', hiddenSize, intermediateSize, mlpBias, initializerRange),
  ];
}

export function parameterCount(config: ModelConfig): number {
  return modelParameters(config).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
