// Linear attention by its definition, one token at a time in f64, for any decay: what both chunked forms must agree with.
import * as tf from '#tfjs';

export interface RecurrenceInputs {
  /** [B, N, T, Dk] */
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  /** [B, N, T, Dv] */
  readonly v: tf.Tensor4D;
  /** [B, N, Dk, Dv] */
  readonly state: tf.Tensor4D | null;
}

/** The factor on S[key, value] of row b and head n before token t. */
type Decay = (b: number, n: number, t: number, key: number, value: number) => number;

/** S[t] = decay S[t-1] + k[t] v[t]^T; o[t] = S[t]^T q[t]: o [B, N, T, Dv] and the last S, both flat. */
export async function recurrence({ q, k, v, state }: RecurrenceInputs, decay: Decay) {
  const [queries, keys, values] = await Promise.all([q.array(), k.array(), v.array()]);
  const start = (await state?.array()) ?? null;
  const [keyDim, valueDim] = [q.shape[3], v.shape[3]];
  const o: number[] = [];
  const states: number[] = [];
  values.forEach((heads, b) =>
    heads.forEach((tokens, n) => {
      let memory = start?.[b]?.[n] ?? Array.from({ length: keyDim }, () => Array<number>(valueDim).fill(0));
      tokens.forEach((value, t) => {
        memory = memory.map((row, i) => row.map((x, j) => decay(b, n, t, i, j) * x + keys[b]![n]![t]![i]! * value[j]!));
        for (let j = 0; j < valueDim; j++)
          o.push(queries[b]![n]![t]!.reduce((sum, x, i) => sum + x * memory[i]![j]!, 0));
      });
      states.push(...memory.flat());
    }),
  );
  return { o, state: states };
}

/**
 * The gradient of sum(o) + sum(state) by every input against finite differences of the recurrence in a random direction: how
 * far apart they are, relative to the gradient's norm.
 */
export async function gradientErrors<I extends Record<string, tf.Tensor>>(
  inputs: I,
  attend: (inputs: I) => { o: tf.Tensor; state: tf.Tensor },
  byDefinition: (inputs: I) => Promise<{ o: number[]; state: number[] }>,
): Promise<Record<string, number>> {
  const names = Object.keys(inputs);
  const loss = (...values: tf.Tensor[]) => {
    const { o, state } = attend(Object.fromEntries(names.map((name, i) => [name, values[i]])) as I);
    return tf.add(tf.sum(o), tf.sum(state)) as tf.Scalar;
  };
  const total = async (moved: I) => {
    const { o, state } = await byDefinition(moved);
    return [...o, ...state].reduce((sum, x) => sum + x, 0);
  };
  const gradients = tf.grads(loss)(Object.values(inputs));
  const errors: Record<string, number> = {};
  for (const [i, name] of names.entries()) {
    const direction = tf.randomNormal(inputs[name]!.shape, 0, 1, 'float32', 9);
    const moved = (by: number) => total({ ...inputs, [name]: tf.add(inputs[name]!, tf.mul(direction, by)) });
    const wanted = ((await moved(1e-3)) - (await moved(-1e-3))) / 2e-3;
    const [found] = await tf.sum(tf.mul(gradients[i]!, direction)).data();
    const [norm] = await tf.norm(gradients[i]!).data();
    errors[name] = Math.abs(found! - wanted) / norm!;
  }
  return errors;
}
