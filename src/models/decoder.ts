// The one trunk that every model shares: embedding, blocks of norm + mixer and norm + SwiGLU, final norm, head.
import * as tf from '#tfjs';
import type { DeviceMemory } from '../backends/buffer-pool.js';
import type { Engine } from '../backends/engine.js';
import { engineMemory } from '../backends/engine-memory.js';
import { releaseMemory } from '../ops/constants.js';
import { crossEntropy } from '../ops/cross-entropy.js';
import { halfRows } from '../kernels/webgpu/half-rows.js';
import { HalfTensor } from '../kernels/webgpu/half-tensor.js';
import { usePrecision, usesTensorCores, type Precision } from '../kernels/webgpu/precision.js';
import { embedding } from '../ops/embedding.js';
import { headLogProbs, rowsPerTile } from '../ops/head-log-probs.js';
import { linear, linearPlus, type Matrix } from '../ops/linear.js';
import { normedSum } from '../ops/normed-sum.js';
import { normedSwiGlu } from '../ops/normed-swiglu.js';
import { rmsNorm } from '../ops/rms-norm.js';
import { scope } from '../ops/scope.js';
import { swiGlu } from '../ops/swiglu.js';
import { backpropagate } from './backpropagate.js';
import type { ModelConfig } from './checkpoint/model-config.js';
import type { LanguageModel, ModelState } from './language-model.js';
import type { Mixer, MixerContext } from './mixer.js';
import { familyOf } from './families.js';
import type { Parameters } from './parameters.js';

export const EMBEDDING = 'model.embeddings.weight';
const FINAL_NORM = 'model.norm.weight';
const HEAD = 'lm_head.weight';

function layerName(layer: number, name: string): string {
  return `model.layers.${layer}.${name}`;
}

/** gradients / scale; the gradients are disposed. */
function unscaled(gradients: readonly tf.Tensor[], scale: number): readonly tf.Tensor[] {
  if (scale === 1) return gradients;
  const share = tf.scalar(1 / scale);
  const means = gradients.map((gradient) => tf.mul(gradient, share));
  tf.dispose([share, ...gradients]);
  return means;
}

export class Decoder implements LanguageModel {
  readonly config: ModelConfig;
  readonly engine: Engine;
  readonly parameters: Parameters;
  /** Positions after which `step` does the same again. */
  readonly period: number;
  /** In which matrices are multiplied. */
  readonly precision: Precision;
  readonly maxLength: number;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly parameterCount: number;
  private readonly mixers: Mixer[];

  /** `parameters` holds a tensor of the right shape for every one of `modelParameters(config)`; the model owns them. */
  constructor(config: ModelConfig, engine: Engine, parameters: Parameters, precision: Precision = 'f32') {
    this.config = config;
    this.engine = engine;
    this.parameters = parameters;
    this.precision = precision;
    this.maxLength = config.maxLength;
    this.vocabularySize = config.vocabularySize;
    this.hiddenSize = config.hiddenSize;
    this.parameterCount = parameters.count();
    this.mixers = Array.from({ length: config.layers }, (_, layer) => familyOf(config).createMixer(config, layer));
    this.period = Math.max(...this.mixers.map(({ period = 1 }) => period));
  }

  forward(ids: tf.Tensor2D): { hidden: tf.Tensor3D; state: null };
  forward(ids: tf.Tensor2D, state: ModelState): { hidden: tf.Tensor3D; state: ModelState };
  forward(ids: tf.Tensor2D, state: ModelState | null = null): { hidden: tf.Tensor3D; state: ModelState | null } {
    this.use();
    const position = state?.position ?? 0;
    return scope(() => {
      let x = this.embed(ids) as tf.Tensor3D;
      const layers: unknown[] = [];
      this.mixers.forEach((mixer, layer) => {
        const next = scope(() => this.block(x, mixer, layer, state?.layers[layer] ?? null, position));
        x.dispose();
        x = next.x;
        layers.push(next.state);
      });
      const hidden = this.normalise(x, FINAL_NORM) as tf.Tensor3D;
      return { hidden, state: state === null ? null : { position: position + ids.shape[1], layers } };
    });
  }

  step(ids: tf.Tensor1D, state: ModelState): { hidden: tf.Tensor2D; state: ModelState } {
    this.use();
    return scope(() => {
      let x = this.embed(ids) as tf.Tensor2D;
      const layers = this.mixers.map((mixer, layer) => {
        const context = this.context(layer, state.position);
        const entered = mixer.enter?.(tf.expandDims(x, 1), state.layers[layer], context);
        if (entered !== undefined) x = tf.squeeze(entered.x, [1]);
        const mixed = mixer.step(
          this.normalise(x, layerName(layer, 'attn_norm.weight')) as tf.Tensor2D,
          entered?.state ?? state.layers[layer],
          context,
        );
        x = this.feedForward(x, mixed.y, context);
        return mixed.state;
      });
      return { hidden: this.normalise(x, FINAL_NORM) as tf.Tensor2D, state: { position: state.position + 1, layers } };
    });
  }

  initialState(batch: number): ModelState {
    this.use();
    return { position: 0, layers: this.mixers.map((mixer) => mixer.initialState(batch)) };
  }

  fork(state: ModelState, copies: readonly number[]): ModelState {
    this.use();
    return {
      position: state.position,
      layers: this.mixers.map((mixer, layer) => scope(() => mixer.fork(state.layers[layer], copies))),
    };
  }

  /** A copy of a state of `batch` rows that steps may change. */
  forSteps({ position, layers }: ModelState, batch: number): ModelState {
    this.use();
    const ones = new Array<number>(batch).fill(1);
    const copy = (mixer: Mixer, state: unknown) => mixer.forSteps?.(state, position) ?? mixer.fork(state, ones);
    return { position, layers: this.mixers.map((mixer, layer) => scope(() => copy(mixer, layers[layer]))) };
  }

  stateBytes(batch: number, position: number): number {
    return this.mixers.reduce((sum, mixer) => sum + mixer.stateBytes(batch, position), 0);
  }

  logProbs(hidden: tf.Tensor2D, targets: tf.Tensor1D): { logprob: tf.Tensor1D; greedy: tf.Tensor1D } {
    this.use();
    return scope(() => headLogProbs(hidden, this.headWeight(), targets));
  }

  logits(hidden: tf.Tensor2D): tf.Tensor2D {
    this.use();
    return scope(() => linear(hidden, this.headWeight()));
  }

  /**
   * Mean next-token cross-entropy in nats over the B x (T - 1) predictions of ids [B, T], and its gradient by parameter name.
   * The caller disposes both.
   * @param lossScale what gradients are multiplied with on their way through the layers. In f16 it is the number of predictions
   *   unless another is given, so that the gradient of the sum goes through them: a prediction's share of a mean is too small for
   *   f16. Operands alone are f16, nothing is added up in it; where a gradient does not fit, the result is no number.
   */
  lossAndGradients(ids: tf.Tensor2D, lossScale?: number): { loss: tf.Scalar; gradients: Map<string, tf.Tensor> } {
    this.use();
    const [batch, length] = ids.shape;
    const targets = scope(() => tf.reshape(tf.slice(ids, [0, 1], [batch, length - 1]), [-1]) as tf.Tensor1D);
    const loss = () => {
      const { hidden } = this.forward(tf.slice(ids, [0, 0], [batch, length - 1]));
      const rows = tf.reshape(hidden, [-1, this.hiddenSize]) as tf.Tensor2D;
      return crossEntropy({ hidden: rows, weight: this.parameters.get(this.headName()) as tf.Tensor2D }, { targets });
    };
    const scale = lossScale ?? (this.precision === 'f16' ? targets.size : 1);
    const dLoss = tf.scalar(scale);
    const { value, gradients } = backpropagate(loss, this.parameters.all(), dLoss);
    tf.dispose([targets, dLoss]);
    const means = unscaled(gradients, scale);
    return { loss: value, gradients: new Map(this.parameters.names().map((name, i) => [name, means[i]!])) };
  }

  activationBytes(batch: number, length: number): number {
    const { hiddenSize, intermediateSize, vocabularySize } = this.config;
    const perRow =
      length * (8 * hiddenSize + 4 * (intermediateSize ?? 0)) +
      Math.max(...this.mixers.map((m) => m.workspace(length)));
    const head = 3 * Math.min(batch * length, rowsPerTile(vocabularySize)) * vocabularySize;
    return 4 * (batch * perRow + head);
  }

  memory(): DeviceMemory {
    this.use();
    return engineMemory();
  }

  dispose(): void {
    this.use();
    this.parameters.dispose();
    releaseMemory();
  }

  /** x += mixer(norm(x)); x += mlp(norm(x)) */
  private block(input: tf.Tensor3D, mixer: Mixer, layer: number, before: unknown, position: number) {
    const context = this.context(layer, position, this.inHalves);
    const { x, state } = mixer.enter?.(input, before, context) ?? { x: input, state: before };
    const mixed = scope(() => mixer.forward(this.mixerInput(x, layer), state, context));
    const next = this.feedForward(x, mixed.y, context);
    return { x: next, state: mixed.state };
  }

  /** r + mlp(norm(r)) with r = x + y; r where the blocks have no MLP. */
  private feedForward<T extends tf.Tensor>(x: T, y: tf.Tensor, context: MixerContext): T {
    if (this.config.intermediateSize === null) return tf.add(x, y);
    return scope(() => {
      const [sum, activated] = scope(() => this.activated(x, y, context));
      return linearPlus(
        sum,
        activated,
        context.matrix('mlp.down_proj.weight'),
        this.mlpBias(context, 'down_proj'),
      ) as T;
    });
  }

  /** r, and silu(gate(norm(r))) * up(norm(r)) */
  private activated(x: tf.Tensor, y: tf.Tensor, context: MixerContext): [sum: tf.Tensor, activated: tf.Tensor] {
    const [gate, up] = [context.matrix('mlp.gate_proj.weight'), context.matrix('mlp.up_proj.weight')];
    const inputs = { x, y, weight: context.weight('mlp_norm.weight') };
    const norm = { epsilon: this.config.normEps, packed: this.packs };
    if (!this.config.mlpBias) return normedSwiGlu(inputs, { ...norm, gate, up });
    const [sum, normed] = normedSum(inputs, norm);
    const factors = {
      gate: linear(normed, gate, this.mlpBias(context, 'gate_proj')),
      up: linear(normed, up, this.mlpBias(context, 'up_proj')),
    };
    return [sum, swiGlu(factors, {})];
  }

  private mlpBias(context: MixerContext, name: string): tf.Tensor | undefined {
    return this.config.mlpBias ? context.weight(`mlp.${name}.bias`) : undefined;
  }

  private mixerInput(x: tf.Tensor3D, layer: number): tf.Tensor3D {
    const weight = this.parameters.get(layerName(layer, 'attn_norm.weight'));
    return rmsNorm({ x, weight }, { epsilon: this.config.normEps, packed: this.packs }) as tf.Tensor3D;
  }

  /**
   * What only products read is held in f16. With weights in f16 so is what follows from it: all that layers compute, but for the sums
   * that go from block to block.
   */
  private get packs(): boolean {
    return this.inHalves || usesTensorCores();
  }

  private get inHalves(): boolean {
    return this.parameters.matrix(EMBEDDING) instanceof HalfTensor;
  }

  private normalise(x: tf.Tensor, name: string): tf.Tensor {
    return rmsNorm({ x, weight: this.parameters.get(name) }, { epsilon: this.config.normEps });
  }

  private context(layer: number, position: number, inHalves = false): MixerContext {
    return {
      position,
      inHalves,
      weight: (name) => this.parameters.get(layerName(layer, name)),
      matrix: (name) => this.parameters.matrix(layerName(layer, name)),
    };
  }

  private embed(ids: tf.Tensor): tf.Tensor {
    const table = this.parameters.matrix(EMBEDDING);
    return table instanceof HalfTensor ? halfRows(table, ids) : embedding({ weight: table as tf.Tensor2D, ids }, null);
  }

  private headWeight(): Matrix {
    return this.parameters.matrix(this.headName());
  }

  private headName(): string {
    return this.config.tied ? EMBEDDING : HEAD;
  }

  private use(): void {
    this.engine.use();
    usePrecision(this.precision);
  }
}
