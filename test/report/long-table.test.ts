import test from 'ava';
import { formatLong, type TableFormat } from '../../src/report/format-runs.js';
import { accuracy, exampleRun, exampleTask, paperTasks } from './example-run.js';

const piqa = exampleTask('piqa', [accuracy('acc', 130, 200)], { truncated: 3 });

test('the terminal table shows value, error, interval, guessing and truncation', (t) => {
  t.is(
    formatLong([exampleRun('swat:tiny', [piqa])], 'table'),
    [
      'model      task  ver    n  metric  ↑↓   value  ± stderr  95 % CI           chance  majority  trunc  label  settings',
      'swat:tiny  piqa  1.0  200  acc     ↑   0.6500  ± 0.0338  [0.5816, 0.7127]  0.2500    0.3000      3',
      '',
    ].join('\n'),
  );
});

test('a perplexity stands beside the settings that it depends on', (t) => {
  const text = formatLong([exampleRun('swat:tiny', paperTasks([60, 130, 78, 101, 110, 52, 75, 120]))], 'table');
  const rows = text.split('\n');
  t.regex(
    rows.find((row) => row.includes('word_perplexity'))!,
    /max_len 512 · disjoint · bos auto$/,
  );
  t.regex(
    rows.find((row) => row.includes(' perplexity'))!,
    /max_len 512 · bos auto$/,
  );
});

for (const format of ['table', 'md', 'csv', 'json', 'latex'] satisfies TableFormat[])
  for (const label of ['partial', 'limit', 'fixtures'] as const)
    test(`${format} shows that a run is labelled ${label}`, (t) => {
      const task = { ...piqa, label, documents: 200, documentsOriginal: 1838 };
      const text = formatLong([exampleRun('swat:tiny', [task])], format);
      t.true(text.includes(label));
      t.true(format === 'csv' || format === 'json' || text.includes(`${label}: `), 'and what that means');
      t.true(text.includes('1838'));
    });

test('skipped documents are told', (t) => {
  t.true(formatLong([exampleRun('swat:tiny', [{ ...piqa, skipped: 2 }])], 'table').includes('2 skipped'));
});

test('runs of different confidence print theirs with each interval', (t) => {
  const task = exampleTask('piqa', [accuracy('acc', 130, 200)]);
  const text = formatLong(
    [exampleRun('swat:tiny', [task]), exampleRun('transformer:tiny', [task], { confidence: 0.99 })],
    'table',
  );
  t.true(text.includes('95 % [0.5816'));
  t.true(text.includes('99 % [0.5816'));
});

test('runs of one label are told apart by their ids', (t) => {
  const [first, second] = ['one', 'two'].map((runId) => exampleRun('swat:tiny', [piqa], { runId }));
  const text = formatLong([first!, second!], 'table');
  t.true(text.includes('swat:tiny (one)') && text.includes('swat:tiny (two)'));
});

test('seeds of a model share a row: mean and deviation, without the interval of one of them', (t) => {
  const seeds = [120, 130, 140].map((right, seed) =>
    exampleRun('swat:tiny', [exampleTask('piqa', [accuracy('acc', right, 200)])], { seed, runId: `run${seed}` }),
  );
  const text = formatLong(seeds, 'table');
  t.regex(text, /^swat:tiny\S* +piqa .* 0\.6500 ± 0\.0500 +– +– +0\.2500/m);
  t.regex(text, /3 seeds: .*; runs run0, run1, run2/);
  t.is(formatLong(seeds, 'csv').trimEnd().split('\n').length, 1 + 3);
});

test('models of one name with other settings are no seeds of each other', (t) => {
  const run = exampleRun('swat:tiny', [piqa]);
  const wider = { ...run, runId: 'wider', seed: 2, model: { ...run.model, config: { hidden_size: 128 } } };
  t.is(formatLong([run, wider], 'md').match(/^\| swat:tiny \(/gm)!.length, 2);
});

test('a task without a standard error prints a dash', (t) => {
  const text = formatLong([exampleRun('swat:tiny', [exampleTask('piqa', [accuracy('acc', 1, 1)])])], 'table');
  t.regex(text, /1\.0000 +– /);
});
