import test from 'ava';
import {
  argmax,
  argmaxPerByte,
  argmaxPerCharacter,
  bestIsTied,
  codePoints,
  utf8Bytes,
} from '../../src/metrics/accuracy.js';
import { golden } from './lm-eval-golden.js';

test('lengths are code points and UTF-8 bytes, as lm-eval counts them', (t) => {
  for (const { s, codepoints, utf8 } of golden.len_codepoints) {
    t.is(codePoints(s), codepoints, s);
    t.is(utf8Bytes(s), utf8, s);
  }
});

test('the lowest index wins a tie', (t) => {
  t.is(argmax([-2, -1, -1]), 1);
});

test('acc_norm divides by characters, where a letter beyond 16 bits counts once', (t) => {
  // Per character -1 and -1.2; per UTF-16 unit the second would win with -0.6.
  t.is(argmaxPerCharacter([-2, -2.4], ['ab', '😀😀']), 0);
});

test('acc_bytes divides by UTF-8 bytes', (t) => {
  t.is(argmaxPerByte([-2, -3], ['ab', 'éé']), 1);
  t.is(argmaxPerCharacter([-2, -3], ['ab', 'éé']), 0);
});

test('a tie is a tie only at the top', (t) => {
  t.true(bestIsTied([-1, -3, -1]));
  t.false(bestIsTied([-1, -3, -3]));
});
