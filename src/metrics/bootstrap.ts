// Bootstrap standard error over documents, with the random numbers of lm-evaluation-harness 4e7e0d47 `bootstrap_stderr`.
import { Mt19937 } from './mt19937.js';
import { sampleDeviation } from './stderr.js';

const CHUNK = 1000;

/**
 * Standard deviation of `statistic` over resamples of `values` with replacement. As in lm-eval the replicates come in chunks of
 * 1000 (or of `iterations`, if fewer), chunk i is seeded with i, and a rest that fills no chunk is left out.
 */
export function bootstrapStderr<Value>(
  values: readonly Value[],
  statistic: (sample: readonly Value[]) => number,
  iterations: number,
): number {
  const chunk = Math.min(CHUNK, iterations);
  const replicates: number[] = [];
  const sample = [...values];
  for (let seed = 0; seed < Math.floor(iterations / chunk); seed += 1) {
    const generator = new Mt19937(seed);
    for (let replicate = 0; replicate < chunk; replicate += 1) {
      for (let k = 0; k < sample.length; k += 1) sample[k] = values[generator.choice(values.length)]!;
      replicates.push(statistic(sample));
    }
  }
  return sampleDeviation(replicates);
}
