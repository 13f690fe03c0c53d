// Which generators of training text there are. One is loaded when it is asked for.
import { closest } from '../did-you-mean.js';
import { UserError } from '../user-error.js';
import type { TextGenerator } from './text-generator.js';

const loaders: Readonly<Record<string, () => Promise<{ default: TextGenerator }>>> = {
  mini: () => import('../../tasks/mini/generator.js'),
};

/** Names for lists. */
export const textGenerators: readonly string[] = Object.keys(loaders);

/** @throws UserError 'usage' for a name that no generator has. */
export async function loadTextGenerator(name: string): Promise<TextGenerator> {
  if (Object.hasOwn(loaders, name)) return (await loaders[name]!()).default;
  const meant = closest(name, textGenerators);
  throw new UserError('usage', `unknown generator "${name}"${meant === null ? '' : `; did you mean "${meant}"?`}`, {
    hint: `generators: ${textGenerators.join(', ')}`,
  });
}
