// What kind of attention a model has, as its configuration in the run's record says; its name says nothing here. In the words of
// the SWAT paper's Table 3, where ALiBi-a:b has a heads whose slope favours recent tokens and b whose slope favours old ones,
// and AliRope is ALiBi and RoPE together.
import { ATTENTION_CONFIGS } from '../models/mixers/attention-config.js';

export interface AttentionKind {
  readonly activation: 'sigmoid' | 'softmax';
  /** RoPE, ALiBi-2:2, AliRope-2:2, none. */
  readonly position: string;
  readonly rope: boolean;
  /** Heads by the sign of their slope; null for no slopes. */
  readonly slopes: { readonly recent: number; readonly old: number } | null;
  /** Keys that a query sees at most; null for all. */
  readonly window: number | null;
}

/** Null for a model whose layers are not all attention. @throws UserError 'data' for a configuration that is damaged. */
export function attentionKind(config: Readonly<Record<string, unknown>>): AttentionKind | null {
  const type = Object.keys(ATTENTION_CONFIGS).find((name) => name === config.model_type);
  if (type === undefined || 'attn' in config) return null;
  const read = ATTENTION_CONFIGS[type as keyof typeof ATTENTION_CONFIGS](config, 'run.json');
  const rope = read.ropeTheta !== null;
  const signs = read.slopes?.map(Math.sign) ?? [];
  const count = (sign: number) => signs.filter((own) => own === sign).length;
  const slopes = read.slopes === null ? null : { recent: count(-1), old: count(1) };
  const { activation, window } = read;
  return { activation, position: positionText(rope, slopes), rope, slopes, window };
}

function positionText(rope: boolean, slopes: AttentionKind['slopes']): string {
  if (slopes === null) return rope ? 'RoPE' : 'none';
  return `${rope ? 'AliRope' : 'ALiBi'}-${slopes.recent}:${slopes.old}`;
}
