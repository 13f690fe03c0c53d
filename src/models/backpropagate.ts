// Gradients by the tape of TensorFlow.js, gone through backwards by our own hand: tf.grads keeps every gradient and everything that
// was kept of the forward pass until the last one is there. Here both are freed once they have served, so that a step never holds
// more than the forward pass keeps and one operation's gradients.
import * as tf from '#tfjs';

interface TapeNode {
  readonly inputs: Record<string, tf.Tensor>;
  readonly outputs: readonly tf.Tensor[];
  readonly saved: readonly tf.Tensor[];
  /** One function an input, by its name; null: the output does not count. */
  readonly gradient?: (dOutputs: readonly (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
}

/** What `tf.grads` is made of (engine.js of tfjs-core 4.22.0). */
interface Taping {
  startTape(): void;
  endTape(): void;
  readonly state: { activeTape: TapeNode[] | null };
}

/**
 * The value of `f`, and its gradient by each of `variables`. The caller disposes all of them.
 * @param dValue gradient of what comes after by the value
 */
export function backpropagate(
  f: () => tf.Scalar,
  variables: readonly tf.Tensor[],
  dValue: tf.Scalar,
): { value: tf.Scalar; gradients: tf.Tensor[] } {
  const [value, ...gradients] = tf.tidy(() => {
    const { value, tape } = recorded(f);
    return [value, ...walkBack(tape, value, variables, dValue)];
  }) as [tf.Scalar, ...tf.Tensor[]];
  return { value, gradients };
}

function recorded(f: () => tf.Scalar): { value: tf.Scalar; tape: readonly TapeNode[] } {
  const engine = tf.engine() as unknown as Taping;
  engine.startTape();
  try {
    return { value: tf.tidy(f), tape: engine.state.activeTape! };
  } finally {
    engine.endTape();
    engine.state.activeTape = null;
  }
}

function walkBack(
  tape: readonly TapeNode[],
  value: tf.Tensor,
  variables: readonly tf.Tensor[],
  dValue: tf.Tensor,
): tf.Tensor[] {
  const varying = dependents(tape, variables);
  const gradients = new SharedGradients();
  gradients.add(value, tf.clone(dValue));
  for (const node of tape.toReversed()) {
    const dOutputs = node.outputs.map((output) => gradients.of(output));
    if (dOutputs.some((gradient) => gradient !== null)) {
      const inputs = Object.entries(node.inputs).filter(([, { id }]) => varying.has(id));
      const dInputs = tf.tidy(() => {
        const byName = node.gradient!(dOutputs);
        return inputs.map(([name]) => byName[name]!());
      });
      inputs.forEach(([, input], k) => gradients.add(input, dInputs[k]!));
      node.outputs.forEach((output) => gradients.free(output));
    }
    tf.dispose([...node.saved]);
  }
  return variables.map((variable) => gradients.of(variable) ?? tf.zerosLike(variable));
}

/** Ids of the tensors that depend on the variables, and of these. */
function dependents(tape: readonly TapeNode[], variables: readonly tf.Tensor[]): Set<number> {
  const varying = new Set(variables.map(({ id }) => id));
  for (const { inputs, outputs } of tape)
    if (Object.values(inputs).some(({ id }) => varying.has(id))) for (const { id } of outputs) varying.add(id);
  return varying;
}

/** Gradients by the tensors that they are of. One tensor may be the gradient of several: of both terms of a sum, say. */
class SharedGradients {
  private readonly gradients = new Map<number, tf.Tensor>();
  private readonly uses = new Map<tf.Tensor, number>();

  of({ id }: tf.Tensor): tf.Tensor | null {
    return this.gradients.get(id) ?? null;
  }

  /** Adds to what there is of a tensor's gradient. */
  add(tensor: tf.Tensor, gradient: tf.Tensor): void {
    const before = this.gradients.get(tensor.id);
    this.use(gradient);
    if (before === undefined) {
      this.gradients.set(tensor.id, gradient);
      return;
    }
    const sum = tf.add(before, gradient);
    this.use(sum);
    this.gradients.set(tensor.id, sum);
    this.leave(before);
    this.leave(gradient);
  }

  free({ id }: tf.Tensor): void {
    const gradient = this.gradients.get(id);
    this.gradients.delete(id);
    if (gradient !== undefined) this.leave(gradient);
  }

  private use(gradient: tf.Tensor): void {
    this.uses.set(gradient, (this.uses.get(gradient) ?? 0) + 1);
  }

  private leave(gradient: tf.Tensor): void {
    const left = this.uses.get(gradient)! - 1;
    if (left > 0) {
      this.uses.set(gradient, left);
      return;
    }
    this.uses.delete(gradient);
    gradient.dispose();
  }
}
