import { copyFile, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { swatEval, type Outcome } from './spawn.js';

/** Of one document no error is known, so that the tolerances alone decide. */
const SMALL = ['--backend', 'wasm', '--fixtures', '--task', 'winogrande,wikitext', '--limit', '1', '--quiet'];
/** Of these two models of random weights, the second has the higher perplexity. */
const [BETTER, WORSE] = ['swat:tiny,seed=2', 'swat:tiny,seed=1'];

interface Files {
  readonly directory: string;
  /** Of the run in `better`. */
  readonly reference: string;
  readonly better: string;
  readonly worse: string;
}

/** Made once, and copied by the tests that change it. */
const files = (async (): Promise<Files> => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-check-'));
  const [better, worse, reference] = ['better', 'worse', 'reference.json'].map((name) => path.join(directory, name));
  for (const [model, output] of [
    [BETTER, better!],
    [WORSE, worse!],
  ] as const)
    succeeded(await swatEval(['run', '--model', model, ...SMALL, '--output', output]));
  succeeded(await swatEval(['check', better!, '--reference', reference!, '--update', '--quiet']));
  return { directory, reference: reference!, better: better!, worse: worse! };
})();

function succeeded({ code, stderr }: Outcome): void {
  if (code !== 0) throw new Error(stderr);
}

test('a run passes against its own reference, with a table of what was compared', async (t) => {
  const { reference, better } = await files;
  const { code, stdout } = await swatEval(['check', better, '--reference', reference]);
  t.is(code, 0);
  t.regex(stdout, /swat-tiny +wikitext +word_perplexity .* ok/);
});

test('without a run, the plan of the reference is run and passes', async (t) => {
  const { directory, reference } = await files;
  const output = path.join(directory, 'new');
  const { code, stderr } = await swatEval(['check', '--reference', reference, '--output', output]);
  t.is(code, 0, stderr);
  t.true((await readdir(output)).includes(BETTER.replace(':', '__')));
});

test('a regression ends with 4 and is named on both streams and in every file', async (t) => {
  const { directory, reference, worse } = await files;
  const [bench, junit] = [path.join(directory, 'bench.json'), path.join(directory, 'junit.xml')];
  const reports = ['--github-benchmark', bench, '--junit', junit];
  const { code, stdout, stderr } = await swatEval(['check', worse, '--reference', reference, ...reports]);
  t.is(code, 4);
  t.regex(stdout, /wikitext +byte_perplexity .* regressed/);
  t.regex(stderr, /error: \d regressed: swat-tiny/);
  t.is((JSON.parse(await readFile(path.join(directory, 'bench-smaller.json'), 'utf8')) as unknown[]).length, 4);
  t.is((JSON.parse(await readFile(path.join(directory, 'bench-bigger.json'), 'utf8')) as unknown[]).length, 1);
  t.regex(await readFile(junit, 'utf8'), /<failure /);
});

test('--update shows the difference and takes the run as it is', async (t) => {
  const { directory, reference, worse } = await files;
  const copy = path.join(directory, 'updated.json');
  await copyFile(reference, copy);
  const { code, stdout } = await swatEval(['check', worse, '--reference', copy, '--update']);
  t.is(code, 0);
  t.regex(stdout, /wikitext +byte_perplexity/);
  t.is((await swatEval(['check', worse, '--reference', copy])).code, 0);
});

test('a damaged reference, and one that is not there, end with 3; --update replaces it', async (t) => {
  const { directory, reference, better } = await files;
  const cut = path.join(directory, 'cut.json');
  await writeFile(cut, (await readFile(reference, 'utf8')).slice(0, 999));
  const damaged = await swatEval(['check', better, '--reference', cut]);
  t.is(damaged.code, 3);
  t.regex(damaged.stderr, /the reference cannot be used: it is not JSON/);
  t.is((await swatEval(['check', '--reference', path.join(directory, 'none.json')])).code, 3);
  t.is((await swatEval(['check', better, '--reference', cut, '--update'])).code, 0);
  t.is((await swatEval(['check', better, '--reference', cut])).code, 0);
});

test('a check without a reference, or with nonsense as a tolerance, is a usage error', async (t) => {
  t.is((await swatEval(['check', 'results'])).code, 2);
  for (const [flag, value] of [
    ['--max-ppl-increase', 'much'],
    ['--max-acc-drop', '-1'],
    ['--max-slowdown', '100%'],
  ] as const) {
    const { code, stderr } = await swatEval(['check', '--reference', 'r.json', flag, value]);
    t.is(code, 2);
    t.true(stderr.includes(`${flag} needs a percentage`));
  }
});
