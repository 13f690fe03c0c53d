import test from 'ava';
import { modelStyles, StyleBook } from '../../src/report/palette.js';

const model = (label: string) => ({ label, baseline: label.split(':')[0]! });

test('a family keeps its style whatever stands beside it, and in any order', (t) => {
  const [swat] = modelStyles([model('swat:tiny')]);
  const [gla, transformer, again] = modelStyles([model('gla:tiny'), model('transformer:tiny'), model('swat:tiny')]);
  t.deepEqual(again, swat);
  t.notDeepEqual(gla, transformer);
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
