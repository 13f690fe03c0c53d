// The config.json of a small SWAT, for tests of what is read from the records of runs.
import swat from '../../baselines/swat/baseline.js';

export function swatConfig(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { ...swat.sizes.tiny, vocab_size: 258, ...changes };
}
