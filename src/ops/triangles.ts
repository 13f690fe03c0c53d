// The triangular masks that chunk forms are written with: constants of ones and zeros.
import * as tf from '#tfjs';
import { constant } from './constants.js';

/** 1 where column <= row: [size, size] */
export function lowerTriangle(size: number): tf.Tensor2D {
  return mask(`lower-triangle/${size}`, size, (row, column) => column <= row);
}

/** 1 where column < row: [size, size] */
export function strictlyLowerTriangle(size: number): tf.Tensor2D {
  return mask(`strictly-lower-triangle/${size}`, size, (row, column) => column < row);
}

/** 1 where `isIn` says so: [size, size]. */
export function mask(key: string, size: number, isIn: (row: number, column: number) => boolean): tf.Tensor2D {
  return constant(key, () => {
    const values = Float32Array.from({ length: size * size }, (_, i) => (isIn(Math.floor(i / size), i % size) ? 1 : 0));
    return tf.tensor2d(values, [size, size]);
  });
}
