// JSON as Python's json module reads and writes it: RFC 8259 plus NaN, Infinity and -Infinity outside strings.
// It reads config.json, the sharded index and safetensors headers, where a repeated key is a mistake to report, not to overwrite.
import path from 'node:path';
import { UserError } from '../../user-error.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const CONSTANTS = new Map<string, Json>([
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);
const WORD_OR_NUMBER = /-?[A-Za-z]+|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WHITE_SPACE = /[ \t\r\n]*/y;
const MAX_DEPTH = 100;

/** @throws UserError 'data' with the line and column of the first mistake; `file` is what the error names. */
export function parsePythonJson(text: string, file: string): Json {
  let at = 0;
  const result = value(0);
  skipWhiteSpace();
  if (at < text.length) fail('the end', at);
  return result;

  function value(depth: number): Json {
    if (depth > MAX_DEPTH) fail(`at most ${MAX_DEPTH} levels`, at);
    skipWhiteSpace();
    if (text[at] === '{') return object(depth);
    if (text[at] === '[') return list(depth);
    return text[at] === '"' ? string() : constantOrNumber();
  }

  function object(depth: number): Json {
    const members = new Map<string, Json>();
    sequence('}', () => {
      skipWhiteSpace();
      const start = at;
      if (text[at] !== '"') fail('a key in double quotes', at);
      const key = string();
      if (members.has(key)) fail(`each key once, but ${JSON.stringify(key)} comes again`, start);
      skipWhiteSpace();
      if (text[at] !== ':') fail('":"', at);
      at++;
      members.set(key, value(depth + 1));
    });
    return Object.fromEntries(members);
  }

  function list(depth: number): Json {
    const items: Json[] = [];
    sequence(']', () => items.push(value(depth + 1)));
    return items;
  }

  /** Comma-separated elements from the opening bracket at `at` to past the closing one. */
  function sequence(close: '}' | ']', element: () => void): void {
    at++;
    skipWhiteSpace();
    if (text[at] === close) {
      at++;
      return;
    }
    for (;;) {
      element();
      skipWhiteSpace();
      const separator = text[at];
      if (separator !== ',' && separator !== close) fail(`"," or "${close}"`, at);
      at++;
      if (separator === close) return;
    }
  }

  function string(): string {
    const start = at++;
    while (text[at] !== '"') {
      if (at >= text.length) fail('a closing quote for the string', start);
      at += text[at] === '\\' ? 2 : 1;
    }
    at++;
    try {
      return JSON.parse(text.slice(start, at)) as string;
    } catch {
      return fail('a string without control characters or unknown escapes', start);
    }
  }

  function constantOrNumber(): Json {
    WORD_OR_NUMBER.lastIndex = at;
    const token = WORD_OR_NUMBER.exec(text)?.[0];
    if (token === undefined) return fail('a value', at);
    const parsed = CONSTANTS.has(token) ? CONSTANTS.get(token)! : Number(token);
    if (Number.isNaN(parsed) && token !== 'NaN') fail('a value', at);
    at += token.length;
    return parsed;
  }

  function skipWhiteSpace(): void {
    WHITE_SPACE.lastIndex = at;
    WHITE_SPACE.exec(text);
    at = WHITE_SPACE.lastIndex;
  }

  function fail(expected: string, position: number): never {
    const before = text.slice(0, position).split('\n');
    const line = before.length;
    const column = before.at(-1)!.length + 1;
    const found = position < text.length ? JSON.stringify(text[position]) : 'the end of the text';
    throw new UserError(
      'data',
      `${path.basename(file)} is not valid JSON: line ${line}, column ${column}: expected ${expected}, found ${found}`,
      { where: `${file}:${line}:${column}` },
    );
  }
}

/** As transformers writes config.json: keys sorted, two spaces, a newline at the end; non-finite numbers as Python spells them. */
export function formatPythonJson(value: Json): string {
  return `${format(value, '\n')}\n`;
}

function format(value: Json, newline: string): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = `${newline}  `;
  const parts = Array.isArray(value)
    ? value.map((item) => format(item, deeper))
    : Object.keys(value)
        .sort()
        .map((key) => `${JSON.stringify(key)}: ${format(value[key]!, deeper)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return parts.length === 0 ? open + close : `${open}${deeper}${parts.join(`,${deeper}`)}${newline}${close}`;
}
