import test from 'ava';
import { loadOpenBlas } from '../../src/backends/openblas.js';
import { UserError } from '../../src/user-error.js';
import { swatEval } from '../cli/spawn.js';

test('SWAT_EVAL_BLAS=off loads none', async (t) => {
  t.is(await loadOpenBlas('off'), null);
});

test('a named library that is not there is an error, never another one', async (t) => {
  const error = await t.throwsAsync(loadOpenBlas('/nowhere/libopenblas.so'), {
    instanceOf: UserError,
    message: /^SWAT_EVAL_BLAS=\/nowhere\/libopenblas\.so does not load: .*\S/,
  });
  t.is(error?.exitCode, 6);
});

test('a file that is no library is an error that says so', async (t) => {
  const error = await t.throwsAsync(loadOpenBlas(import.meta.filename), {
    instanceOf: UserError,
    message: /does not load: .*\S/,
  });
  t.is(error?.exitCode, 6);
});

test('a library without a BLAS in it is an error that says so', async (t) => {
  await t.throwsAsync(loadOpenBlas(process.platform === 'win32' ? 'kernel32.dll' : 'libm.so.6'), {
    instanceOf: UserError,
    message: /does not load: .*openblas_get_config/,
  });
});

test('the built program ends with exit code 6 and one sentence', async (t) => {
  const { code, stderr } = await swatEval(
    ['run', '--fixtures', '--task', 'piqa', '--model', 'swat:tiny', '--backend', 'wasm', '--limit', '1'],
    { SWAT_EVAL_BLAS: '/nowhere/libopenblas.so' },
  );
  t.is(code, 6);
  t.regex(stderr, /^error: SWAT_EVAL_BLAS=\/nowhere\/libopenblas\.so does not load: .*\n {2}try: /m);
});

test('ls backends says which library multiplies', async (t) => {
  const { stdout } = await swatEval(['ls', 'backends'], { SWAT_EVAL_BLAS: 'off' });
  t.regex(stdout, /wasm .*matrix products by XNNPACK/);
});
