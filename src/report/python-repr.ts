// Values as CPython 3 writes them, where a hash or a log row of lm-evaluation-harness depends on it.

/** `json.dumps(row, indent=2, ensure_ascii=False)` of a row of texts, integers, booleans, nulls and lists of them. */
export function pythonJson(row: unknown): string {
  return JSON.stringify(row, null, 2);
}

/** `str(x)` of a float: `-3.0`, `1e-07`, `1e+16`, `inf`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    const [digits, exponent] = value.toExponential().split('e') as [string, string];
    return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  const sign = Object.is(value, -0) ? '-' : '';
  return Number.isInteger(value) ? `${sign}${value}.0` : String(value);
}

/** `str(x)` of a boolean. */
export function pythonBoolean(value: boolean): string {
  return value ? 'True' : 'False';
}
