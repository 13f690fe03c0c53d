import test from 'ava';
import { formatLengths } from '../../src/report/format-runs.js';
import { examplePpl, noRoom, saturating, scored } from './example-ppl.js';

const windowed = examplePpl('swat-tiny', saturating, { settings: { lengths: [128, 2048], windows: [64, 'full'] } });
const other = {
  ...examplePpl('swat-tiny', saturating, { settings: { lengths: [128, 2048], windows: [64, 'full'] }, runId: 'other' }),
};
const onOther = { ...other, text: { ...other.text, name: 'news.txt', digest: '12'.repeat(32) } };
const full = examplePpl('transformer-tiny', (cell) => (cell.length > 512 ? noRoom(cell) : saturating(cell)));

test('the grid has a row a model and window, and a column a text and length in their order', (t) => {
  const csv = formatLengths([windowed, full, onOther], 'csv').trimEnd().split('\n');
  t.is(
    csv[0],
    'model,model_window,max_length,window,book.txt/128,book.txt/512,book.txt/2048,book.txt/8192,news.txt/128,news.txt/2048,notes',
  );
  t.is(csv.length, 1 + 3);
  t.regex(csv[1]!, /^swat-tiny,64,1024,64,3\.[\d]+,,3\.[\d]+,,3\.[\d]+,3\.[\d]+,$/);
  t.regex(csv[3]!, /^transformer-tiny,64,1024,,3\.[\d]+,3\.[\d]+,OOM,OOM,,,$/);
});

test('seeds of a model are one row: their mean and deviation, under a note that names the runs', (t) => {
  const losses = [4, 4.5, 5];
  const seeds = losses.map((loss, k) =>
    examplePpl('swat-tiny', (cell) => scored(cell, () => loss), {
      runId: `run${k}`,
      model: { ...windowed.model, weightsDigest: `${k}`.repeat(64) },
    }),
  );
  const printed = formatLengths(seeds, 'md');
  t.is(printed.match(/^\| swat-tiny/gm)!.length, 1);
  t.true(printed.includes('4.5000 ± 0.5000'));
  t.regex(printed, /3 seeds: .*; runs run0, run1, run2/);
  const [header, row] = formatLengths(seeds, 'csv').split('\n');
  t.regex(header!, /,book.txt\/128,book.txt\/128_sd,book.txt\/512,/);
  t.regex(row!, /^swat-tiny,64,1024,,4.5,0.5,4.5,0.5,/);
});

test('models of one name with other settings are no seeds of each other', (t) => {
  const wider = examplePpl('swat-tiny', saturating, { model: { ...windowed.model, config: { hidden_size: 128 } } });
  const rows = formatLengths([examplePpl('swat-tiny'), wider], 'csv')
    .trimEnd()
    .split('\n')
    .slice(1);
  t.deepEqual(
    rows.map((row) => row.split('",')[0]),
    ['"swat-tiny, hidden_size=64', '"swat-tiny, hidden_size=128'],
  );
});

test('no cell is called the best, and the remarks say what is the same', (t) => {
  const latex = formatLengths([windowed, full], 'latex');
  t.notRegex(latex, /textbf|underline/);
  t.regex(latex, /65,536 tokens, the same at every length/);
});
