import test from 'ava';
import { closest } from '../src/did-you-mean.js';

const names = ['piqa', 'boolq', 'hellaswag', 'arc_easy', 'arc_challenge', 'wikitext'];

test('a missing letter, a wrong letter, swapped letters and capitals are seen through', (t) => {
  t.is(closest('helaswag', names), 'hellaswag');
  t.is(closest('bool1', names), 'boolq');
  t.is(closest('pqia', names), 'piqa');
  t.is(closest('WikiText', names), 'wikitext');
});

test('the candidate with the fewest slips wins, the first of equals', (t) => {
  t.is(closest('arc_ease', names), 'arc_easy');
  t.is(closest('ab', ['ac', 'ad']), 'ac');
});

test('a name like no other is like none', (t) => {
  t.is(closest('gsm8k', names), null);
  t.is(closest('piqa', []), null);
});
