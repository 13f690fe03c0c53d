import test from 'ava';
import { alibiSlopes, type SlopeVariant } from '../../src/models/checkpoint/slopes.js';
import { modelStyles, StyleBook } from '../../src/report/palette.js';
import { swatConfig } from './example-config.js';

const variant = (label: string, changes: Record<string, unknown>) => ({
  label,
  baseline: 'swat',
  config: swatConfig(changes),
});
const slopes = (split: SlopeVariant) => ({ alibi_slopes: alibiSlopes(4, split, 'code') });

/** SWAT's variants and the paper's ablation, by what the study calls them. */
const variants = [
  variant('swat', {}),
  variant('swat-minus', slopes('minus')),
  variant('swat-plus', slopes('plus')),
  variant('swa-softmax', { alibi_slopes: null, attention_activation: 'softmax' }),
  variant('softmax-rope', { alibi_slopes: null, attention_activation: 'softmax' }),
  variant('softmax-alibi', { ...slopes('minus'), rope_theta: null, attention_activation: 'softmax' }),
  variant('sigmoid-rope', { alibi_slopes: null }),
  variant('sigmoid-alibi', { rope_theta: null }),
  variant('sigmoid-alirope-3-1', slopes('3:1')),
  variant('sigmoid-alirope-1-3', slopes('1:3')),
];

const model = (label: string) => ({ label, baseline: label.split(':')[0]! });

test('a family keeps its style whatever stands beside it, and in any order', (t) => {
  const [swat] = modelStyles([model('swat:tiny')]);
  const [gla, transformer, again] = modelStyles([model('gla:tiny'), model('transformer:tiny'), model('swat:tiny')]);
  t.deepEqual(again, swat);
  t.notDeepEqual(gla, transformer);
});

test('every variant of SWAT keeps its look whatever stands beside it, and no two look alike', (t) => {
  const families = 'transformer retnet gla mamba mamba2 delta_net gated_deltanet gsa ttt titans'.split(' ').map(model);
  const all = [...variants, ...families];
  const together = modelStyles(all);
  t.is(new Set(together.map(({ color, marker }) => `${color} ${marker}`)).size, all.length);
  all.forEach((one, k) => t.deepEqual(modelStyles([one]), [together[k]!], one.label));
  t.deepEqual(modelStyles(all.slice(1)), together.slice(1));
});

test('no two families, nor the variants of SWAT that stand beside them, share a marker', (t) => {
  const families = 'transformer retnet gla mamba mamba2 delta_net gated_deltanet gsa ttt titans'.split(' ').map(model);
  const all = [...variants.slice(0, 4), ...families];
  t.is(new Set(modelStyles(all).map(({ marker }) => marker)).size, all.length);
  t.is(new Set(modelStyles(variants).map(({ marker }) => marker)).size, variants.length);
});

test("a variant's look is its configuration's, not its name's", (t) => {
  const [minus] = modelStyles([variants[1]!]);
  t.deepEqual(modelStyles([variant('swat-tiny,slopes=minus', slopes('minus')), variants[0]!])[0], minus);
  t.notDeepEqual(modelStyles([variant('swat-minus', {}), variants[0]!])[0], minus);
});

test('the line of several seeds looks like the model without its seed', (t) => {
  const book = new StyleBook(['swat-mini-seed1', 'swat-mini-seed2'].map((label) => ({ label, baseline: 'swat' })));
  t.deepEqual(book.of('swat-mini'), modelStyles([model('swat:tiny')])[0]);
});

test('two models of one family look different', (t) => {
  const [first, second] = modelStyles([model('swat:340m'), model('swat:tiny')]);
  t.not(first!.color, second!.color);
});

test('ten families and six unknown models have sixteen colours', (t) => {
  const families = 'swat transformer retnet gla mamba mamba2 delta_net gated_deltanet ttt titans'.split(' ');
  const models = [...families, 'a', 'b', 'c', 'd', 'e', 'f'].map(model);
  t.is(new Set(modelStyles(models).map(({ color }) => color)).size, 16);
});

test('more models than colours still look different, each by its colour or its marker', (t) => {
  const styles = modelStyles(Array.from({ length: 30 }, (_, k) => model(`m${k}`)));
  t.is(new Set(styles.map(({ color, marker }) => `${color} ${marker}`)).size, 30);
});

test('the one benchmark of a family looks like the trained model of its name, and two sizes do not', (t) => {
  const [small, large] = ['gla-340m,vocab_size=32000', 'gla-760m'].map((label) => ({ label, baseline: 'gla' }));
  const trained = ['gla', 'swat'].map(model);
  const book = new StyleBook(trained, [small!]);
  t.is(book.twin(small!.label), 'gla');
  t.deepEqual(book.of(small!.label), book.of('gla'));
  const sizes = new StyleBook(trained, [small!, large!]);
  t.is(sizes.twin(small!.label), small!.label);
  t.is(new Set(['gla', small!.label, large!.label].map((label) => sizes.of(label).color)).size, 3);
});
