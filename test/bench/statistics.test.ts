import test from 'ava';
import { mean, median, medianAbsoluteDeviation, standardDeviation } from '../../src/bench/statistics.js';

test('the median is the middle value, or lies between the two middle ones', (t) => {
  t.is(median([3, 1, 2]), 2);
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(median([7]), 7);
});

test('one disturbed repetition moves neither the median nor the median absolute deviation', (t) => {
  t.is(median([10, 11, 12, 13, 1000]), 12);
  t.is(medianAbsoluteDeviation([10, 11, 12, 13, 1000]), 1);
  t.is(medianAbsoluteDeviation([5]), 0);
});

test('mean and standard deviation are those of a sample', (t) => {
  t.is(mean([2, 4, 4, 4, 5, 5, 7, 9]), 5);
  t.true(Math.abs(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9]) - Math.sqrt(32 / 7)) < 1e-12);
  t.is(standardDeviation([3]), 0);
});
