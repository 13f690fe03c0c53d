// The text that names a model: `--model` on the command line, the first argument of `loadModel`.
import { UserError } from '../user-error.js';

export type ModelSpec =
  /** A shipped checkpoint's name, else a checkpoint directory. */
  | { readonly kind: 'checkpoint'; readonly path: string }
  /** Seeded random weights of a baseline's size, with some settings replaced: `swat:tiny,window=64,seed=1`. */
  | {
      readonly kind: 'baseline';
      readonly name: string;
      readonly size: string;
      readonly overrides: Readonly<Record<string, string>>;
    };

/**
 * Reads `path-or-name` or `baseline:size[,key=value...]`. Which names, sizes and keys there are is the registry's to say.
 * A directory with a colon in its name is written with a slash: `./a:b`.
 * @throws UserError 'usage' when the text is empty, or the size or a `key=value` of a baseline is malformed.
 */
export function parseModelSpec(text: string): ModelSpec {
  if (text.trim() === '') throw malformed(text, 'is empty');
  const match = /^([\w.-]+):(?![\\/])(.*)$/s.exec(text); // `C:\models` is a path
  if (match === null) return { kind: 'checkpoint', path: text };
  const [size, ...settings] = match[2]!.split(',');
  if (!/^[\w.-]+$/.test(size!)) throw malformed(text, 'names no size after the colon');
  const overrides: Record<string, string> = {};
  for (const setting of settings) {
    const [, key, value] = /^([\w.-]+)=(.+)$/s.exec(setting) ?? [];
    if (key === undefined || value === undefined) throw malformed(text, `has '${setting}' where key=value belongs`);
    if (Object.hasOwn(overrides, key)) throw malformed(text, `sets '${key}' twice`);
    overrides[key] = value;
  }
  return { kind: 'baseline', name: match[1]!, size: size!, overrides };
}

function malformed(text: string, what: string): UserError {
  return new UserError('usage', `model '${text}' ${what}`, {
    hint: 'a checkpoint directory, a shipped checkpoint, or baseline:size[,key=value...] as in swat:tiny,window=64,seed=1',
  });
}
