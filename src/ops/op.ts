// An op: one formula with a name. The reference is the formula in tensor operations; a backend may have a fused kernel
// for it, and where the tape would keep too much, or there is a kernel, the gradient is written out.
import * as tf from '#tfjs';
import '../kernels/register.js';
import type { BackendName } from '../backends/engine.js';

export type Tensors = Record<string, tf.Tensor>;
/** What an op gives: a tensor, or several. */
export type Outputs = tf.Tensor | tf.Tensor[];
export type Gradients<I extends Tensors> = { [Name in keyof I]?: tf.Tensor };

export type Gradient<I extends Tensors, A, O extends Outputs> = (inputs: I, attributes: A, dOutput: O) => Gradients<I>;

export interface OpDefinition<I extends Tensors, A, O extends Outputs> {
  readonly name: string;
  readonly reference: (inputs: I, attributes: A) => O;
  /** Gradients of the inputs that have one; without it the tape differentiates the reference. */
  readonly gradient?: Gradient<I, A, O>;
}

export interface Op<I extends Tensors, A, O extends Outputs> {
  (inputs: I, attributes: A): O;
  readonly definition: OpDefinition<I, A, O>;
}

/** A fused form of an op on one backend, and of its gradient where it has one. They must agree with the definition's. */
export interface FusedKernel<I extends Tensors, A, O extends Outputs> {
  readonly forward: (inputs: I, attributes: A) => O;
  readonly gradient?: Gradient<I, A, O>;
  /** Whether it has these shapes, on this device; where it has not, the op and its gradient are composite. Absent: all. */
  readonly takes?: (inputs: I, attributes: A) => boolean;
  /** What its gradient asks for besides. */
  readonly takesGradient?: (inputs: I, attributes: A) => boolean;
}

const fusedKernels = new Map<string, unknown>();

export function registerFusedKernel<I extends Tensors, A, O extends Outputs>(
  op: Op<I, A, O>,
  backend: BackendName,
  kernel: FusedKernel<I, A, O>,
): void {
  fusedKernels.set(`${op.definition.name}/${backend}`, kernel);
}

export function defineOp<I extends Tensors, A, O extends Outputs>(definition: OpDefinition<I, A, O>): Op<I, A, O> {
  const apply = (inputs: I, attributes: A): O => {
    const registered = fusedKernelOf(definition);
    const fused = registered?.takes?.(inputs, attributes) === false ? undefined : registered;
    const forward = observed(definition.name, fused?.forward, definition.reference);
    const fusedGradient = fused?.takesGradient?.(inputs, attributes) === false ? undefined : fused?.gradient;
    const written = definition.gradient ?? (registered && recomputed(definition.reference));
    const gradient = written && observed(`${definition.name} gradient`, fusedGradient, written);
    return gradient === undefined ? forward(inputs, attributes) : withGradient(forward, gradient, inputs, attributes);
  };
  return Object.assign(apply, { definition });
}

function fusedKernelOf<I extends Tensors, A, O extends Outputs>({
  name,
}: OpDefinition<I, A, O>): FusedKernel<I, A, O> | undefined {
  if (compositeOnly) return undefined;
  return fusedKernels.get(`${name}/${tf.getBackend()}`) as FusedKernel<I, A, O> | undefined;
}

/** Whether what is computed now is differentiated: forms without a gradient of their own are for when it is not. */
export function isDifferentiated(): boolean {
  return tf.engine().state.gradientDepth > 0;
}

/** How an op, or its gradient, was computed: by a fused kernel or in tensor operations. */
export type OpForm = 'fused' | 'composite';

let observer: ((name: string, form: OpForm) => void) | null = null;
let compositeOnly = false;

/**
 * The forms of all ops (by name) and of their gradients (`NAME gradient`) that are computed while `body` runs; composite where
 * it was so at least once.
 */
export async function formsDuring<T>(
  body: () => Promise<T>,
): Promise<{ value: T; forms: ReadonlyMap<string, OpForm> }> {
  const forms = new Map<string, OpForm>();
  observer = (name, form) => {
    if (forms.get(name) !== 'composite') forms.set(name, form);
  };
  try {
    return { value: await body(), forms };
  } finally {
    observer = null;
  }
}

/** Runs `body` with every op in its reference form: what fused kernels are compared with. */
export function withoutFusedKernels<T>(body: () => T): T {
  compositeOnly = true;
  try {
    return body();
  } finally {
    compositeOnly = false;
  }
}

/** The fused function where there is one, else the composite one; it tells the observer when it is called. */
function observed<Arguments extends unknown[], Result>(
  name: string,
  fused: ((...args: Arguments) => Result) | undefined,
  composite: (...args: Arguments) => Result,
): (...args: Arguments) => Result {
  return (...args) => {
    observer?.(name, fused === undefined ? 'composite' : 'fused');
    return (fused ?? composite)(...args);
  };
}

function withGradient<I extends Tensors, A, O extends Outputs>(
  forward: FusedKernel<I, A, O>['forward'],
  gradient: Gradient<I, A, O>,
  inputs: I,
  attributes: A,
): O {
  const names = Object.keys(inputs);
  return engineWithGradients().runKernelFunc({
    inputs,
    forwardFunc: (_, save) => {
      save(Object.values(inputs));
      return forward(inputs, attributes);
    },
    backwardsFunc: (dOutput, saved) => {
      const kept = Object.fromEntries(names.map((name, i) => [name, saved[i]])) as I;
      const gradients = gradient(kept, attributes, dOutput as O);
      return Object.fromEntries(names.map((name) => [name, () => gradients[name] ?? tf.zerosLike(kept[name]!)]));
    },
  });
}

/** What `tf.customGrad` is made of, which has one output only. */
interface EngineWithGradients {
  runKernelFunc<O extends Outputs>(op: {
    readonly inputs: Tensors;
    readonly forwardFunc: (backend: unknown, save: tf.GradSaveFunc) => O;
    readonly backwardsFunc: (dOutput: Outputs, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
  }): O;
}

function engineWithGradients(): EngineWithGradients {
  return tf.engine() as unknown as EngineWithGradients;
}

/**
 * The gradient for which the tape keeps an op's inputs only: the reference is computed again, and differentiated, when it is
 * asked for.
 */
export function recomputed<I extends Tensors, A, O extends Outputs>(
  reference: OpDefinition<I, A, O>['reference'],
): Gradient<I, A, O> {
  return (inputs, attributes, dOutput) => {
    const names = Object.keys(inputs);
    const run = (...values: tf.Tensor[]) =>
      reference(Object.fromEntries(names.map((name, i) => [name, values[i]])) as I, attributes);
    const gradients = onTapeOfItsOwn(() =>
      Array.isArray(dOutput)
        ? tf.grads((...values) => product(run(...values) as tf.Tensor[], dOutput))(Object.values(inputs))
        : tf.grads(run as (...values: tf.Tensor[]) => tf.Tensor)(Object.values(inputs), dOutput),
    );
    return Object.fromEntries(names.map((name, i) => [name, gradients[i]])) as Gradients<I>;
  };
}

/** The sum of the outputs times these factors: its gradient by an output is the factor. */
function product(outputs: readonly tf.Tensor[], factors: readonly tf.Tensor[]): tf.Tensor {
  return tf.addN(outputs.map((output, i) => tf.sum(tf.mul(output, factors[i]!))));
}

/** tfjs 4.22.0 forgets the tape that it goes through when a gradient on it makes a tape, too. */
function onTapeOfItsOwn<T>(body: () => T): T {
  const { state } = tf.engine();
  const outer = state.activeTape;
  try {
    return body();
  } finally {
    state.activeTape = outer;
  }
}
