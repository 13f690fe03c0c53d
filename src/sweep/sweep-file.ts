// The file that a sweep is made of: steps, each a command of this program over a grid of values.
//
//   title: Three seeds of two models
//   notes: What is asked, and what is expected, written before the runs.
//   set: { tokens: 20M }                      # {tokens} in what follows; --set tokens=1M changes it
//   scales: { smoke: { tokens: 4096 } }       # --set scale=smoke changes several at once
//   steps:
//     - name: search
//       command: train
//       for: { model: [swat, gla], learning_rate: [1e-3, 2e-3] }
//       flags: { config: recipe.yaml, set: ['model={model}', 'optimizer.learning_rate={learning_rate}'] }
//     - name: train
//       command: train
//       best: { of: search, over: learning_rate }   # a cell a model, with the rate of the lowest validation loss of those that did not fail
//       for: { seed: [1, 2, 3] }
//       flags: { config: recipe.yaml, set: ['model={model}', 'seed={seed}', 'tokens={tokens}'] }
//     - name: accuracy
//       command: run
//       after: train                                # a cell for each of its cells, with its {checkpoint} and {directory}
//       flags: { model: '{checkpoint}', task: paper, data-dir: '{data}' }
//
// {here} is the file's directory, {data} the --data-dir. A step may follow several steps: after: [train, others].
// A value of a grid may be a mapping with a `name`, { name: swat, window: 128 }: then {model} is the name and {model.window} the
// rest; texts of a grid may have variables in them. A flag is left out when it is null or false, bare when it is true, repeated when it is a list. Lists that several
// steps share are YAML anchors, which `lists` has room for; `<<: *flags` takes over the flags of another.
import { parse } from 'yaml';
import { z } from 'zod';
import { closest } from '../did-you-mean.js';
import { UserError } from '../user-error.js';

export const SWEEP_COMMANDS = ['train', 'run', 'ppl', 'bench'] as const;
export type SweepCommand = (typeof SWEEP_COMMANDS)[number];

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export type Scalar = z.infer<typeof scalar>;

const variables = z.record(z.string(), scalar);
const gridValue = z.union([z.string(), z.number(), z.boolean(), z.looseObject({ name: z.string() }).catchall(scalar)]);
export type GridValue = z.infer<typeof gridValue>;

/** A list that begins with an anchored one, [*common, more], is one list. */
const flattened = (value: unknown): unknown => (Array.isArray(value) ? value.flat(Infinity) : value);

const step = z.strictObject({
  /** Folder of its cells, and what other steps call it. */
  name: z.string().regex(/^[\w-]+$/, 'letters, digits, _ and - only'),
  command: z.enum(SWEEP_COMMANDS),
  /** One cell for each cell of that step, or of those, whose values it has. */
  after: z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(z.string()).optional()),
  /** One cell for each group of cells of that step that differ in `over` alone, with the value that validated best. */
  best: z.strictObject({ of: z.string(), over: z.string() }).optional(),
  for: z.record(z.string(), z.array(gridValue).min(1)).default({}),
  flags: z.record(z.string(), z.preprocess(flattened, z.union([scalar, z.array(scalar)]))),
});
export type SweepStep = z.infer<typeof step>;

const sweep = z.strictObject({
  title: z.string(),
  notes: z.string().default(''),
  /** Cells at a time, each in a process of its own. */
  jobs: z.int().positive().default(1),
  set: variables.default({}),
  scales: z.record(z.string(), variables).default({}),
  lists: z.unknown().optional(),
  steps: z.array(step).min(1),
});

export interface Sweep extends Omit<z.infer<typeof sweep>, 'lists' | 'scales' | 'set'> {
  /** What `{name}` stands for in every step. */
  readonly variables: Readonly<Record<string, Scalar>>;
}

/**
 * @param settings `name=value` of the command line, which win over the file's scale, which wins over its `set`
 * @throws UserError 'data' for a malformed text, 'usage' for a setting of nothing
 */
export function parseSweep(text: string, file: string, settings: readonly string[]): Sweep {
  const { scales, set, title, notes, jobs, steps } = validSweep(text, file);
  const given = settings.map(parseSetting);
  const scale = given.find(([name]) => name === 'scale')?.[1] ?? set.scale ?? null;
  const scaled = scale === null ? {} : scaleNamed(String(scale), scales);
  const known = ['scale', ...Object.keys(set)];
  for (const [name] of given) if (!known.includes(name)) throw unknownName('variable', name, known, '--set');
  for (const [scale, values] of Object.entries(scales))
    for (const name of Object.keys(values))
      if (!known.includes(name)) throw malformed(`scales.${scale}.${name}: \`set\` has no ${name}`, file);
  return { title, notes, jobs, steps, variables: { ...set, ...scaled, ...Object.fromEntries(given) } };
}

function validSweep(text: string, file: string): z.infer<typeof sweep> {
  let content: unknown;
  try {
    content = parse(text, { merge: true });
  } catch (error) {
    throw malformed((error as Error).message.split('\n')[0]!, file);
  }
  const parsed = sweep.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const where = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw malformed(where + issue.message, file);
}

function scaleNamed(name: string, scales: Readonly<Record<string, Record<string, Scalar>>>): Record<string, Scalar> {
  if (!Object.hasOwn(scales, name)) throw unknownName('scale', name, Object.keys(scales), '--set scale=');
  return scales[name]!;
}

/** A number where it reads as one. */
function parseSetting(setting: string): [name: string, value: Scalar] {
  const at = setting.indexOf('=');
  if (at < 1) throw new UserError('usage', `--set needs name=value, not '${setting}'`);
  const value: unknown = parse(setting.slice(at + 1));
  const parsed = scalar.safeParse(value);
  if (!parsed.success) throw new UserError('usage', `--set ${setting}: a variable is one value, no list or mapping`);
  return [setting.slice(0, at), parsed.data];
}

export function unknownName(what: string, name: string, known: readonly string[], where: string): UserError {
  const guess = closest(name, known);
  return new UserError('usage', `unknown ${what} '${name}'`, {
    where,
    hint: guess !== null ? `did you mean ${guess}?` : known.length > 0 ? `one of ${known.join(', ')}` : 'there is none',
  });
}

export function malformed(what: string, file: string): UserError {
  return new UserError('data', `the sweep ${file} is malformed: ${what}`, { where: file });
}
