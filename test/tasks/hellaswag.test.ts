import test from 'ava';
import { clean } from '../../tasks/hellaswag/clean.js';
import hellaswag from '../../tasks/hellaswag/task.js';
import { golden } from './golden.js';

test('marks and double spaces are cleaned away as lm-eval does it', (t) => {
  for (const { input, output } of golden.hellaswag_preprocess) t.is(clean(input), output);
});

test('query, choices and gold are those of lm-eval, and stand in the row', (t) => {
  const { doc, out } = golden.hellaswag_doc;
  const document = hellaswag.document(doc, 0, 'row:1');
  t.deepEqual(document.row, { ...doc, ...out });
  t.deepEqual(
    document.requests,
    out.choices.map((choice) => ({ kind: 'loglikelihood', context: out.query, continuation: ` ${choice}` })),
  );
  t.like(document, { choices: out.choices, gold: out.gold, target: out.gold });
});

test('a label may be the number that its string says', (t) => {
  const { doc, out } = golden.hellaswag_doc;
  t.like(hellaswag.document({ ...doc, label: 3 }, 0, 'row:1'), { gold: out.gold });
});
