import test from 'ava';
import { detokenize } from '../../tasks/wikitext/detokenize.js';
import wikitext from '../../tasks/wikitext/task.js';
import { golden } from './golden.js';

test('a page is detokenized as lm-eval does it', (t) => {
  for (const { page, text } of golden.wikitext) t.is(detokenize(page), text);
});

test('words and bytes are those of the page before it is detokenized', (t) => {
  for (const { page, text, words, bytes } of golden.wikitext) {
    const document = wikitext.document({ page }, 0, 'page:1');
    t.deepEqual(document, {
      kind: 'rolling',
      index: 0,
      row: { page },
      requests: [{ kind: 'rolling', text }],
      target: text,
      words,
      bytes,
    });
  }
});
