// The baselines by name, and the configuration that `baseline:size,key=value` stands for.
import { closest } from '../did-you-mean.js';
import { UserError } from '../user-error.js';
import type { Json } from './checkpoint/config-json.js';
import type { Baseline, RawConfig } from './define-baseline.js';
import type { ModelSpec } from './model-spec.js';

/** One line a baseline. */
const BASELINES: Readonly<Record<string, () => Promise<{ default: Baseline }>>> = {
  swat: () => import('../../baselines/swat/baseline.js'),
  transformer: () => import('../../baselines/transformer/baseline.js'),
  retnet: () => import('../../baselines/retnet/baseline.js'),
  gla: () => import('../../baselines/gla/baseline.js'),
  gsa: () => import('../../baselines/gsa/baseline.js'),
  mamba2: () => import('../../baselines/mamba2/baseline.js'),
  mamba: () => import('../../baselines/mamba/baseline.js'),
  ttt: () => import('../../baselines/ttt/baseline.js'),
  delta_net: () => import('../../baselines/delta_net/baseline.js'),
  gated_deltanet: () => import('../../baselines/gated_deltanet/baseline.js'),
  titans: () => import('../../baselines/titans/baseline.js'),
};

export async function listBaselines(): Promise<Baseline[]> {
  return Promise.all(Object.values(BASELINES).map(async (load) => (await load()).default));
}

export interface BaselineModel {
  readonly baseline: Baseline;
  /** config.json; `vocab_size` may be missing, and then follows from the tokenizer. */
  readonly config: RawConfig;
  readonly seed: number | null;
}

/**
 * The configuration of a baseline's size with the settings applied.
 * @throws UserError 'usage' for an unknown baseline, size or setting.
 */
export async function configureBaseline(spec: Extract<ModelSpec, { kind: 'baseline' }>): Promise<BaselineModel> {
  const load = Object.hasOwn(BASELINES, spec.name) ? BASELINES[spec.name] : undefined;
  if (load === undefined) throw unknown('baseline', spec.name, Object.keys(BASELINES), 'swat-eval ls baselines');
  const baseline = (await load()).default;
  const size = Object.hasOwn(baseline.sizes, spec.size) ? baseline.sizes[spec.size] : undefined;
  if (size === undefined) throw unknown(`size of ${baseline.name}`, spec.size, Object.keys(baseline.sizes));

  const { seed, ...overrides } = spec.overrides;
  const entries = Object.entries(overrides);
  const plain = entries.filter(([key]) => baseline.settings?.[key] === undefined);
  let config: RawConfig = {
    ...size,
    ...Object.fromEntries(plain.map(([key, value]) => [keyOf(baseline, size, key), parse(value)])),
  };
  for (const [key, value] of entries) config = { ...config, ...baseline.settings?.[key]?.(value, config) };
  return { baseline, config, seed: seed === undefined ? null : parseSeed(seed) };
}

function keyOf(baseline: Baseline, size: RawConfig, key: string): string {
  const name = baseline.aliases[key] ?? key;
  const known = new Set([...Object.keys(size), ...Object.values(baseline.aliases)]);
  if (known.has(name)) return name;
  const settings = Object.keys(baseline.settings ?? {});
  throw unknown(`setting of ${baseline.name}`, key, [...Object.keys(baseline.aliases), ...settings, 'seed', ...known]);
}

function parse(value: string): Json {
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

function parseSeed(value: string): number {
  if (/^\d+$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value);
  throw new UserError('usage', `seed is a whole number, not '${value}'`);
}

function unknown(what: string, name: string, known: readonly string[], command?: string): UserError {
  const guess = closest(name, known);
  const hint = guess === null ? (command ?? `one of ${known.join(', ')}`) : `did you mean ${guess}?`;
  return new UserError('usage', `unknown ${what} '${name}'`, { hint });
}
