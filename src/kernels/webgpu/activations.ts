// Activations on `real` (vectors.ts), with their slopes. Sigmoid has no exp that overflows; softplus is that of
// ops/softplus.ts, right to f32 over the whole range.

/** Terms of the series of log1p; the first left out is 1.4e-8 of the sum. */
const TERMS = 7;

const series = Array.from({ length: TERMS }, (_, k) => TERMS - 1 - k)
  .map((k) => `  series = series * square + ${1 / (2 * k + 1)};`)
  .join('\n');

export const ACTIVATIONS = `
fn sigmoid(x: real) -> real { return 1.0 / (1.0 + exp(-max(x, real(-87.0)))); }
fn silu(x: real) -> real { return x * sigmoid(x); }
fn siluSlope(x: real) -> real {
  let s = sigmoid(x);
  return s * (1.0 + x * (1.0 - s));
}

// tanh form: x sigmoid(2 z), z = sqrt(2 / pi) (x + 0.044715 x^3)
const GELU = ${2 * Math.sqrt(2 / Math.PI)};
fn gelu(x: real) -> real { return x * sigmoid(GELU * x * (1.0 + 0.044715 * x * x)); }
fn geluSlope(x: real) -> real {
  let square = 0.044715 * x * x;
  let s = sigmoid(GELU * x * (1.0 + square));
  return s * (1.0 + x * (1.0 - s) * GELU * (1.0 + 3.0 * square));
}

// max(x, 0) + log1p(y) with y = e^-|x|: log1p(y) = 2 s (1 + s^2/3 + s^4/5 + ...), s = y / (2 + y)
fn softplus(x: real) -> real {
  let y = exp(-abs(x));
  let s = y / (2.0 + y);
  let square = s * s;
  var series = real(${1 / (2 * TERMS + 1)});
${series}
  return max(x, real(0.0)) + 2.0 * s * series;
}
`;
