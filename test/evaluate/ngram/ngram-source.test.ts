import test from 'ava';
import { openModelSource } from '../../../src/evaluate/open-model-source.js';
import { plainBatch } from '../../../src/evaluate/scorer.js';
import { UserError } from '../../../src/user-error.js';
import { fakeSettings } from '../fake-run.js';

const open = (spec: string) => openModelSource(spec, fakeSettings, () => {});

test('an n-gram model is trained on a generator when it is loaded, the same for the same seed', async (t) => {
  const source = await open('ngram:3,tokens=40000,seed=4');
  t.is(source.vocabularySize, source.tokenizer.vocabularySize);
  const [one, two, other] = [
    await source.load(),
    await source.load(),
    await (await open('ngram:3,tokens=40000,seed=5')).load(),
  ];
  t.is(one.description.weightsDigest, two.description.weightsDigest);
  t.not(one.description.weightsDigest, other.description.weightsDigest);
  t.like(one.description, { label: 'ngram:3', baseline: 'ngram', window: 3 });
  t.true(one.description.parameters > 1000);
  const ids = source.tokenizer.encode('Question: What is a saw made of?');
  const [scores] = await one.scorer.score(
    plainBatch([{ input: ids.slice(0, -1), queries: [{ targets: ids.slice(1) }] }]),
  );
  t.true(scores![0]!.logprob / (ids.length - 1) > -1.5, 'bytes of its own world are not a surprise');
});

test('what is wrong with the name of an n-gram model is an error of usage', async (t) => {
  const refusal = async (spec: string) => {
    const error = await t.throwsAsync(open(spec), { instanceOf: UserError });
    t.is(error.kind, 'usage');
    return error.message;
  };
  t.regex(await refusal('ngram:0'), /the order is a whole number from 1 to 9, not 0/);
  t.regex(await refusal('ngram:five'), /the order is a whole number/);
  t.regex(await refusal('ngram:5,token=9'), /unknown setting "token"; did you mean "tokens"\?/);
  t.regex(await refusal('ngram:5,tokens=many'), /tokens is a whole number/);
  t.regex(await refusal('ngram:5,generator=maxi'), /unknown generator "maxi"; did you mean "mini"\?/);
});
