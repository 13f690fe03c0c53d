// Under which name and where a checkpoint stores each canonical parameter. The canonical names are flash-linear-attention's
// since 2025-02-09; other layouts differ by parts of names and by matrices that are stored as one.
import path from 'node:path';
import { UserError } from '../../user-error.js';
import { familyOf } from '../families.js';
import type { Renames } from '../family.js';
import { elementCount, formatShape, type RowRange } from './safetensors.js';

interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Where a parameter lies in the checkpoint: a whole tensor, or some rows of one. */
export interface ParameterSource {
  /** The tensor's name in the checkpoint, and its whole shape. */
  readonly name: string;
  readonly shape: readonly number[];
  /** null for all. */
  readonly rows: RowRange | null;
}

/** Matrices that older flash-linear-attention files hold as one, under the first name: their rows one below the other. */
const STACKED = [['.mlp.gate_proj.weight', '.mlp.up_proj.weight']] as const;

/** Tensors that references of any family store and do not read: rotary tables, which follow from the configuration. */
const UNUSED = [/\.rotary(_emb)?\.inv_freq$/];

export const HEAD = 'lm_head.weight';
export const EMBEDDING = 'model.embeddings.weight';

/** The name a family's reference gives to a canonical parameter. */
export function nativeName(canonical: string, modelType: string): string {
  return rename(canonical, familyOf({ modelType }).layouts[0]);
}

/** The name under which a checkpoint stores a canonical parameter; undefined where it does not. */
export function storedName(
  canonical: string,
  modelType: string,
  stored: ReadonlyMap<string, unknown>,
): string | undefined {
  return familyOf({ modelType })
    .layouts.map((layout) => rename(canonical, layout))
    .find((name) => stored.has(name));
}

/**
 * Finds every parameter among the tensors of a checkpoint.
 * @param stored the checkpoint's tensors by their names in it.
 * @param file what errors name.
 * @throws UserError 'data' naming the tensor that is missing, has another shape than expected, or belongs to no parameter.
 */
export function locateParameters(
  parameters: readonly NamedShape[],
  stored: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  { modelType, tied }: { modelType: string; tied: boolean },
  file: string,
): Map<string, ParameterSource> {
  const sources = new Map(parameters.map((parameter) => [parameter.name, locate(parameter)]));
  const used = new Set([...sources.values()].map(({ name }) => name));
  const unknown = [...stored.keys()].filter(
    (name) => !used.has(name) && !(tied && name === HEAD) && !isUnused(name, modelType),
  );
  if (unknown.length > 0)
    throw mismatch(`holds ${listNames(unknown)}, which a ${modelType} model with this config.json does not have`);
  return sources;

  function locate({ name, shape }: NamedShape): ParameterSource {
    const source = locateStacked(name, shape) ?? { name: storedName(name, modelType, stored), shape, rows: null };
    if (source.name === undefined)
      throw mismatch(
        `has no tensor ${nativeName(name, modelType)}, expected one of shape ${formatShape(shape)}`,
        name === HEAD
          ? 'set "tie_word_embeddings" to true in config.json if the embedding is the head, too'
          : undefined,
      );
    const found = stored.get(source.name)!.shape;
    if (formatShape(found) !== formatShape(source.shape))
      throw mismatch(`holds ${source.name} of shape ${formatShape(found)}, expected ${formatShape(source.shape)}`);
    return { ...source, name: source.name };
  }

  /** The rows of a stacked tensor that are this parameter; null where it has a tensor of its own. */
  function locateStacked(canonical: string, [rows = 0, ...rest]: readonly number[]): ParameterSource | null {
    const suffixes = STACKED.find((stack) => stack.some((suffix) => canonical.endsWith(suffix)));
    if (suffixes === undefined) return null;
    const position = suffixes.findIndex((suffix) => canonical.endsWith(suffix));
    const stem = canonical.slice(0, -suffixes[position]!.length);
    const [first, ...others] = suffixes.map((suffix) => storedName(stem + suffix, modelType, stored));
    const height = rows * suffixes.length;
    if (first === undefined || others.some((name) => name !== undefined) || stored.get(first)!.shape[0] !== height)
      return null;
    return { name: first, shape: [height, ...rest], rows: { start: position * rows, end: (position + 1) * rows } };
  }

  function mismatch(what: string, hint = 'config.json and the weights must be of the same model'): UserError {
    return new UserError('data', `${path.basename(file)} ${what}`, { where: file, hint });
  }
}

/**
 * Gradients under the checkpoint's own names and in its shapes: parts of a stacked tensor are joined again.
 * @param gradients by canonical name, row-major.
 */
export function gradientsAsStored(
  sources: ReadonlyMap<string, ParameterSource>,
  gradients: ReadonlyMap<string, Float32Array>,
): Map<string, Float32Array> {
  const result = new Map<string, Float32Array>();
  for (const [canonical, { name, shape, rows }] of sources) {
    const gradient = gradients.get(canonical)!;
    if (rows === null) {
      result.set(name, gradient);
      continue;
    }
    const joined = result.get(name) ?? new Float32Array(elementCount(shape));
    joined.set(gradient, rows.start * elementCount(shape.slice(1)));
    result.set(name, joined);
  }
  return result;
}

function rename(canonical: string, renames: Renames): string {
  return renames.reduce((name, [from, to]) => name.replace(from, to), canonical);
}

function isUnused(name: string, modelType: string): boolean {
  return [...UNUSED, ...(familyOf({ modelType }).unusedTensors ?? [])].some((pattern) => pattern.test(name));
}

function listNames(names: readonly string[]): string {
  const rest = names.length - 3;
  return names.slice(0, 3).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
