// tf.tidy for results of any shape: tensors made inside are freed, but for those in the result (nested objects and arrays).
import * as tf from '#tfjs';

export function scope<T>(body: () => T): T {
  return tf.tidy(body as () => tf.TensorContainer) as T;
}
