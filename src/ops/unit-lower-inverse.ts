// (I + L)^-1 for strictly lower triangular L, by doubling: when T holds the inverses of the diagonal blocks of size s,
//   T - T (L under those blocks) T
// holds those of size 2s, since [A 0; B D]^-1 = [A^-1 0; -D^-1 B A^-1 D^-1]. No row waits for the one before it, and as in
// forward substitution nothing grows that the inverse does not hold. (The product (I - L)(I + L^2)(I + L^4)... has as many
// factors, but its powers grow like binomial coefficients: for 64 similar keys f32 loses every digit.)
import * as tf from '#tfjs';
import { defineOp } from './op.js';
import { scope } from './scope.js';
import { mask, strictlyLowerTriangle } from './triangles.js';

/** lower [..., C, C]; what is not strictly below the diagonal is not read -> [..., C, C], unit lower triangular. */
export const unitLowerInverse = defineOp<{ lower: tf.Tensor }, null, tf.Tensor>({
  name: 'UnitLowerInverse',
  reference: ({ lower }) => inverse(lower),
  /** d(T) = -T dL T. The inverse is computed again, which is cheaper than to keep its intermediates. */
  gradient: ({ lower }, _, dOutput) => {
    const t = inverse(lower);
    const product = tf.matMul(tf.matMul(t, dOutput, true, false), t, false, true);
    return { lower: tf.mul(product, tf.neg(strictlyLowerTriangle(lower.shape.at(-1)!))) };
  },
});

function inverse(lower: tf.Tensor): tf.Tensor {
  return scope(() => {
    const size = lower.shape.at(-1)!;
    const doubled = (t: tf.Tensor, block: number) =>
      tf.sub(t, tf.matMul(tf.matMul(t, tf.mul(lower, underDiagonalBlocks(block, size))), t));
    let t: tf.Tensor = tf.sub(tf.eye(size), tf.mul(lower, underDiagonalBlocks(1, size)));
    for (let block = 2; block < size; block *= 2) t = scope(() => doubled(t, block));
    return t;
  });
}

/** 1 at rows of an odd block and columns of the even block before it: [size, size]. */
function underDiagonalBlocks(block: number, size: number): tf.Tensor2D {
  return mask(`under-diagonal-blocks/${block}/${size}`, size, (row, column) => {
    const blockRow = Math.floor(row / block);
    return blockRow % 2 === 1 && Math.floor(column / block) === blockRow - 1;
  });
}
