import test from 'ava';
import { batchesParser, lengthsParser, pairsParser, windowsParser } from '../../src/cli/parse-lengths.js';
import { UserError } from '../../src/user-error.js';

const lengths = lengthsParser('--n-prompt', 0);

test('lists and ranges are written as llama-bench writes them', (t) => {
  t.deepEqual(lengths('512'), [512]);
  t.deepEqual(lengths('8k'), [8192]);
  t.deepEqual(lengths('1,2,4'), [1, 2, 4]);
  t.deepEqual(lengths('3-6'), [3, 4, 5, 6]);
  t.deepEqual(lengths('128-512+128'), [128, 256, 384, 512]);
  t.deepEqual(lengths('512-16k*2'), [512, 1024, 2048, 4096, 8192, 16384]);
  t.deepEqual(lengths('0,512-1k*2,300'), [0, 300, 512, 1024]);
});

test('a range ends before a bound that it steps over', (t) => {
  t.deepEqual(lengths('100-350+100'), [100, 200, 300]);
  t.deepEqual(lengths('100-500*2'), [100, 200, 400]);
});

test('an option that is given again adds to the list, and each length stands in it once', (t) => {
  t.deepEqual(lengths('512,4k', lengths('512,64')), [64, 512, 4096]);
});

test('a window may be full, which comes last', (t) => {
  const windows = windowsParser('--window');
  t.deepEqual(windows('full,128-256*2'), [128, 256, 'full']);
  t.deepEqual(windows('64', windows('full')), [64, 'full']);
});

test('a batch may be a number of tokens', (t) => {
  t.deepEqual(batchesParser('--batch-size')('tokens:32k,4,1'), [1, 4, 'tokens:32768']);
});

test('a pair is a prompt and what is decoded behind it', (t) => {
  t.deepEqual(pairsParser('--pg')('1k,128', [[512, 64]]), [
    [512, 64],
    [1024, 128],
  ]);
});

const nonsense: [text: string, parse: (text: string) => unknown, message: RegExp][] = [
  ['', lengths, /--n-prompt needs a whole number/],
  ['many', lengths, /not 'many'/],
  ['512,', lengths, /not ''/],
  ['-5', lengths, /not '-5'/],
  ['512-', lengths, /not ''/],
  ['512-256', lengths, /runs backwards/],
  ['512-16k*1', lengths, /from 2 on/],
  ['512-16k+0', lengths, /from 1 on/],
  ['0-16k*2', lengths, /multiplies 0/],
  ['1-16k', lengths, /more than 256 lengths/],
  ['0', windowsParser('--window'), /--window needs a whole number from 1 on/],
  ['tokens:', batchesParser('--batch-size'), /--batch-size tokens: needs a whole number/],
  ['512', pairsParser('--pg'), /--pg needs a prompt and a generated length/],
  ['512,64,1', pairsParser('--pg'), /--pg needs a prompt and a generated length/],
];

for (const [text, parse, message] of nonsense)
  test(`'${text}' is refused: ${message.source}`, (t) => {
    const error = t.throws(() => parse(text), { instanceOf: UserError, message });
    t.is(error.exitCode, 2);
  });
