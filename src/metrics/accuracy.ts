// Which choice a model picks, by the three normalisations of lm-evaluation-harness 4e7e0d47.

/** Index of the highest value, lowest on ties (NumPy's `argmax`). */
export function argmax(values: readonly number[]): number {
  let best = 0;
  for (let k = 1; k < values.length; k += 1) if (values[k]! > values[best]!) best = k;
  return best;
}

/**
 * Index of the choice with the highest log-likelihood per character (code points, without the leading delimiter), lowest on ties:
 * lm-eval's `acc_norm`.
 */
export function argmaxPerCharacter(logprobs: readonly number[], choices: readonly string[]): number {
  return argmax(logprobs.map((logprob, k) => logprob / codePoints(choices[k]!)));
}

/** Index of the choice with the highest log-likelihood per byte of UTF-8, lowest on ties: lm-eval's `acc_bytes`. */
export function argmaxPerByte(logprobs: readonly number[], choices: readonly string[]): number {
  return argmax(logprobs.map((logprob, k) => logprob / utf8Bytes(choices[k]!)));
}

/** Whether more than one choice has the highest log-likelihood, so that `acc` hangs on their order. */
export function bestIsTied(logprobs: readonly number[]): boolean {
  const best = Math.max(...logprobs);
  return logprobs.filter((logprob) => logprob === best).length > 1;
}

/** Python's `len` of a string. */
export function codePoints(text: string): number {
  return [...text].length;
}

export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}
