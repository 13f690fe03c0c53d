import test from 'ava';
import { gate } from '../../src/check/gate.js';
import { regressions } from '../../src/check/gate-outcome.js';
import type { Reference } from '../../src/check/reference.js';
import type { SampledRun } from '../../src/report/read-samples.js';
import { UserError } from '../../src/user-error.js';
import { fakeSettings } from '../evaluate/fake-run.js';
import { DEFAULT_TOLERANCES, rights, sampledRun, withTask } from './sampled-run.js';

const referenceOf = (...runs: SampledRun[]): Reference => ({ settings: fakeSettings, runs, benches: [] });
const check = (reference: SampledRun, run: SampledRun, tolerances = DEFAULT_TOLERANCES) =>
  gate(referenceOf(reference), { runs: [run], benches: [], failed: [] }, tolerances);

const PAGES: [number, number][] = [
  [-700, 200],
  [-420, 100],
  [-800, 260],
  [-510, 150],
];
const worsePages = (nats: number) => PAGES.map(([logprob, words]): [number, number] => [logprob - nats * words, words]);

const then = sampledRun('m', { piqa: { acc: rights(60, 100) }, wikitext: { word_perplexity: PAGES } }, 'before');
const now = (right: number, pages = PAGES) =>
  sampledRun('m', { piqa: { acc: rights(right, 100) }, wikitext: { word_perplexity: pages } }, 'after');

test('equal numbers and better ones pass', (t) => {
  t.deepEqual(regressions(check(then, now(60))), []);
  t.deepEqual(regressions(check(then, now(80, worsePages(-0.1)))), []);
});

test('an accuracy that falls by more than the tolerance and two paired standard errors regresses', (t) => {
  t.deepEqual(regressions(check(then, now(40))), ['m piqa acc']);
});

test('an accuracy that falls by less than two paired standard errors passes, however small the tolerance', (t) => {
  const { comparisons } = check(then, now(57), { ...DEFAULT_TOLERANCES, accuracyDrop: 0 });
  const piqa = comparisons.find(({ task }) => task === 'piqa')!;
  t.false(piqa.regressed);
  t.true(Math.abs(piqa.change - 3) < 1e-9);
  // 3 of 100 documents differ: sqrt(0.03 - 0.03^2) x sqrt(100 / 99) / 10, twice, in points.
  t.true(Math.abs(piqa.allowed - 200 * Math.sqrt((0.03 * 0.97) / 99)) < 1e-9);
});

test('an accuracy that falls by less than the tolerance passes', (t) => {
  const tolerances = { ...DEFAULT_TOLERANCES, accuracyDrop: 0.25 };
  t.deepEqual(regressions(check(then, now(40), tolerances)), []);
});

test('a perplexity that rises by more than the tolerance on every page regresses, and one below it passes', (t) => {
  t.deepEqual(regressions(check(then, now(60, worsePages(0.006)))), ['m wikitext word_perplexity']);
  t.deepEqual(regressions(check(then, now(60, worsePages(0.004)))), []);
  const [, wikitext] = check(then, now(60, worsePages(0.006))).comparisons;
  t.true(Math.abs(wikitext!.change - 100 * Math.expm1(0.006)) < 1e-9, 'in percent');
});

test('bits per byte are held to the tolerance of their perplexity', (t) => {
  const bits = (pages: typeof PAGES) => sampledRun('m', { wikitext: { bits_per_byte: pages } }, String(pages[0]![0]));
  t.deepEqual(regressions(check(bits(PAGES), bits(worsePages(0.006)))), ['m wikitext bits_per_byte']);
  t.deepEqual(regressions(check(bits(PAGES), bits(worsePages(0.004)))), []);
});

test('without samples the comparison is unpaired, sees less, and says so', (t) => {
  const paired = check(then, now(45));
  t.deepEqual(regressions(paired), ['m piqa acc']);
  const blind = { ...now(45), documents: new Map() };
  const unpaired = check(then, { ...blind, summary: now(55).summary });
  t.is(unpaired.comparisons[0]!.basis, 'unpaired');
  t.deepEqual(regressions(unpaired), [], 'five points are less than two unpaired standard errors');
  t.true(unpaired.notes.some((note) => note.includes('unpaired')));
});

test('a metric that is not a number regresses', (t) => {
  const pages = PAGES.map(([, words]): [number, number] => [NaN, words]);
  t.deepEqual(regressions(check(then, now(60, pages))), ['m wikitext word_perplexity']);
  t.deepEqual(regressions(check(then, { ...now(60, pages), documents: new Map() })), ['m wikitext word_perplexity']);
});

test('with equal weights a request may differ by a thousandth of a nat, to better or worse', (t) => {
  const words = (change: number) =>
    sampledRun('m', { lambada: { perplexity: [-3, -4 + change, -2] } }, 'the same weights');
  t.deepEqual(regressions(check(words(0), words(0.0009))), []);
  const outcome = check(words(0), words(0.0011));
  t.deepEqual(regressions(outcome), ['m lambada log-probability']);
  t.regex(outcome.comparisons.find(({ regressed }) => regressed)!.note!, /document 1, request 0/);
  t.deepEqual(regressions(check(words(0), words(NaN))), ['m lambada perplexity', 'm lambada log-probability']);
});

test('with equal weights a changed setting is named beside the request', (t) => {
  const before = sampledRun('m', { lambada: { perplexity: [-3] } }, 'w');
  const after = sampledRun('m', { lambada: { perplexity: [-3.1] } }, 'w');
  const config = { ...after.summary.model.config, window_size: 65 };
  const changed = { ...after, summary: { ...after.summary, model: { ...after.summary.model, config } } };
  const outcome = check(before, changed);
  t.regex(outcome.comparisons.find(({ unit }) => unit === 'nats')!.note!, /window_size: undefined became 65/);
});

test('with other weights, or in another precision, requests are not held to equality', (t) => {
  t.true(check(then, now(60)).notes.some((note) => note.includes('the weights are others')));
  const half = { ...then, summary: { ...then.summary, engine: { ...then.summary.engine, dtype: 'f16' as const } } };
  t.true(check(then, half).notes.some((note) => note.includes('f16 stands against f32')));
});

const timed = (run: SampledRun, seconds: number) =>
  run.summary.tasks.reduce((timed, { task }) => withTask(timed, task, { seconds }), run);

test('speed is gated on the same device only', (t) => {
  const slower = timed(then, 12);
  t.deepEqual(regressions(check(timed(then, 10), slower)), ['m tokens/s']);
  t.deepEqual(regressions(check(timed(then, 10), slower, { ...DEFAULT_TOLERANCES, slowdown: 0.2 })), []);
  t.deepEqual(regressions(check(timed(then, 10), slower, { ...DEFAULT_TOLERANCES, slowdown: null })), []);
  const elsewhere = { ...slower, summary: { ...slower.summary, engine: { ...slower.summary.engine, device: 'b' } } };
  const outcome = check(timed(then, 10), elsewhere);
  t.deepEqual(regressions(outcome), []);
  t.true(outcome.notes.some((note) => note.includes('speed is not compared, the reference was measured on')));
});

test('of one task that was disturbed, speed says nothing', (t) => {
  const tasks = Object.fromEntries(['a', 'b', 'c'].map((task) => [task, { acc: rights(5, 9) }]));
  const even = timed(sampledRun('m', tasks), 10);
  t.deepEqual(regressions(check(even, withTask(even, 'b', { seconds: 40 }))), []);
});

test('a few seconds say nothing about speed', (t) => {
  const outcome = check(timed(then, 1), timed(then, 2));
  t.deepEqual(regressions(outcome), []);
  t.true(outcome.notes.some((note) => note.includes('2.0 s of scoring are too few')));
});

test('documents that the run could not score are a regression', (t) => {
  const run = withTask(now(60), 'piqa', { documents: 98, skipped: 2 });
  const documents = new Map(run.documents).set('piqa', run.documents.get('piqa')!.slice(0, 98));
  t.deepEqual(regressions(check(then, { ...run, documents })), ['m piqa documents']);
});

test('a model that could not be evaluated is a regression', (t) => {
  const failed = [{ model: then.summary.model.spec, reason: 'the model gave NaN' }];
  const outcome = gate(referenceOf(then), { runs: [], benches: [], failed }, DEFAULT_TOLERANCES);
  t.deepEqual(regressions(outcome), [then.summary.model.spec]);
});

test('on more documents than the reference has, the run is compared on those of the reference', (t) => {
  const more = sampledRun('m', { piqa: { acc: [...rights(60, 100), ...rights(0, 100)] } }, 'after');
  const few = sampledRun('m', { piqa: { acc: rights(60, 100) } }, 'before');
  const [piqa] = check(few, more).comparisons;
  t.is(piqa!.value, 0.6);
});

const refusal = (run: SampledRun) => {
  try {
    check(then, run);
  } catch (error) {
    if (error instanceof UserError) return `${error.kind}: ${error.message}`;
  }
  return null;
};

test('a run of other data, prompts or settings is no regression but another run', (t) => {
  t.regex(refusal(withTask(now(60), 'piqa', { dataDigest: 'other' }))!, /^data: .*piqa data or prompts other/);
  t.regex(refusal(withTask(now(60), 'piqa', { version: '2.0' }))!, /^data: .*piqa version 2.0/);
  t.regex(refusal(withTask(now(60), 'piqa', { documents: 50 }))!, /^data: .*asked 50 of the reference's 100/);
  const { summary } = now(60);
  t.regex(refusal({ ...now(60), summary: { ...summary, bosPolicy: 'never' } })!, /^data: .*--bos never/);
  const model = { ...summary.model, maxLength: 256 };
  t.regex(refusal({ ...now(60), summary: { ...summary, model } })!, /^data: .*longest input of 256/);
});

test('a task, a metric or a model that the run lacks is named', (t) => {
  t.regex(refusal(sampledRun('m', { piqa: { acc: rights(60, 100) } }))!, /^data: the reference has wikitext/);
  t.regex(refusal(withTask(now(60), 'piqa', { metrics: [] }))!, /^data: the reference has piqa acc/);
  const two = referenceOf(then, sampledRun('other', { piqa: { acc: rights(1, 9) } }));
  t.throws(() => gate(two, { runs: [now(60)], benches: [], failed: [] }, DEFAULT_TOLERANCES), {
    message: /the reference has other,seed=1/,
  });
});

test('several runs of one model are refused', (t) => {
  t.throws(() => gate(referenceOf(then), { runs: [now(60), now(61)], benches: [], failed: [] }, DEFAULT_TOLERANCES), {
    message: /several runs are of m,seed=1/,
  });
});

test('a run of another name is compared where there is one of each, and it says so', (t) => {
  const renamed = sampledRun('new', { piqa: { acc: rights(60, 100) }, wikitext: { word_perplexity: PAGES } });
  t.true(check(then, renamed).notes.includes('new,seed=1 is compared with m,seed=1'));
});
