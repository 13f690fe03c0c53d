// How small a difference the documents at hand can show.
import { normalQuantile } from './intervals.js';

/**
 * The true difference that a two-sided test at level 1 - confidence finds with probability `power`, where differences have this
 * standard error: (z of the test + z of the power) x stderr. Power in (0.5, 1).
 */
export function smallestDetectableEffect(stderr: number, confidence: number, power: number): number {
  return (normalQuantile(confidence) + normalQuantile(2 * power - 1)) * stderr;
}
