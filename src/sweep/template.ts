// Flags with {names} in them, filled in and written as words of a command line.
import type { Bindings } from './cells.js';
import type { Scalar, SweepStep } from './sweep-file.js';

const PLACEHOLDER = /\{([\w.]+)\}/g;

/** Every name between braces. */
export function namesIn(flags: SweepStep['flags']): Set<string> {
  const texts = Object.values(flags)
    .flat()
    .filter((value) => typeof value === 'string');
  return new Set(texts.flatMap((text) => [...text.matchAll(PLACEHOLDER)].map(([, name]) => name!)));
}

/** `--flag value` for each; bare when it is true, nothing when it is false or null, repeated for a list. */
export function argumentsOf(flags: SweepStep['flags'], bindings: Bindings): string[] {
  return Object.entries(flags).flatMap(([flag, values]) =>
    [values].flat().flatMap((template) => {
      const value = fill(template, bindings);
      if (value === null || value === false) return [];
      const name = flag.length === 1 ? `-${flag}` : `--${flag}`;
      return value === true ? [name] : [name, String(value)];
    }),
  );
}

/** Bindings whose own texts have {names} of `variables` in them, filled in. */
export function filledBindings(bindings: Bindings, variables: Bindings): Bindings {
  return Object.fromEntries(Object.entries(bindings).map(([name, value]) => [name, fill(value, variables)]));
}

/** A text that is one placeholder becomes its value, of whatever type; in longer ones values are written out. */
function fill(template: Scalar, bindings: Bindings): Scalar {
  if (typeof template !== 'string') return template;
  const whole = /^\{([\w.]+)\}$/.exec(template);
  if (whole !== null) return bindings[whole[1]!] ?? null;
  return template.replaceAll(PLACEHOLDER, (_, name: string) => String(bindings[name] ?? ''));
}
