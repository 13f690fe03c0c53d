import test from 'ava';
import { modelStyles } from '../../src/report/palette.js';

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

test('more models than styles still get one each', (t) => {
  t.is(modelStyles(Array.from({ length: 20 }, (_, k) => model(`m${k}`))).length, 20);
});
