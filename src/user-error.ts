// The one error class for what a user can cause: a sentence that says what is wrong, where, and what to do about it.

/** Why the program stops; each kind has its exit code (design: 2 usage, 3 definition or data, 4 regression, 5 partial, 6 device). */
export type ErrorKind = 'failure' | 'usage' | 'data' | 'regression' | 'partial' | 'device' | 'interrupted';

export const EXIT_CODES: Record<ErrorKind, number> = {
  failure: 1,
  usage: 2,
  data: 3,
  regression: 4,
  partial: 5,
  device: 6,
  interrupted: 130,
};

export interface ErrorDetails {
  /** File, file:line, URL or option that is wrong. */
  where?: string;
  /** What the user can do, as a command or a short sentence. */
  hint?: string;
  cause?: unknown;
}

export class UserError extends Error {
  override readonly name = 'UserError';
  readonly kind: ErrorKind;
  readonly where: string | undefined;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.kind = kind;
    this.where = details.where;
    this.hint = details.hint;
  }

  get exitCode(): number {
    return EXIT_CODES[this.kind];
  }
}

/** One line for stderr: `error: what (where). hint`. */
export function formatError(error: UserError): string {
  const where = error.where === undefined || error.message.includes(error.where) ? '' : ` (${error.where})`;
  const hint = error.hint === undefined ? '' : `\n  try: ${error.hint}`;
  return `error: ${error.message}${where}${hint}`;
}
