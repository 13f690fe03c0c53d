import test from 'ava';
import { linearised, onScale, ratioOf, ratioPart } from '../../src/metrics/ratio.js';
import { metrics } from '../../src/metrics/registry.js';
import { mean, meanStderr } from '../../src/metrics/stderr.js';
import type { DocumentValue, MetricName } from '../../src/tasks/task.js';

const PAGES: DocumentValue[] = [
  [-700, 200],
  [-420, 100],
  [-800, 260],
];
const VALUES: Record<MetricName, DocumentValue[]> = {
  acc: [1, 0, 1, 1],
  acc_norm: [0, 0, 1, 1],
  acc_bytes: [1, 1, 1, 0],
  perplexity: [-3.5, -4, -2.5, -5],
  word_perplexity: PAGES,
  byte_perplexity: PAGES,
  token_perplexity: PAGES,
  bits_per_byte: PAGES,
};
const close = (a: number, b: number) => Math.abs(a - b) < 1e-12 * Math.max(1, Math.abs(b));

for (const [name, values] of Object.entries(VALUES) as [MetricName, DocumentValue[]][])
  test(`${name} and its standard error on their scale are the ratio and that of the linearised documents`, (t) => {
    const parts = values.map((value) => ratioPart(name, value));
    const { aggregate, stderr } = metrics[name];
    const scaled = onScale(name, { value: aggregate(values), stderr: stderr(values) });
    t.true(close(ratioOf(parts), scaled.value));
    t.true(close(mean(linearised(parts)), scaled.value));
    t.true(close(meanStderr(linearised(parts)), scaled.stderr));
  });
