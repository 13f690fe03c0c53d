// Looks that are settled for the models of this program, by their family and, for SWAT's, by what kind of attention they have, so
// that a model looks alike in every figure, whatever stands beside it. The numbers are places in the palette's list.
import { attentionKind, type AttentionKind } from './attention-kind.js';

interface KnownModel {
  /** What labels of it begin with in this project: of several models of one kind, that one has the look. */
  readonly name: string;
  readonly kind: string;
  readonly look: number;
}

/** A variant of SWAT by activation, positions and where its slopes point. */
const BALANCED = 'swat sigmoid rope balanced';
const WINDOWED_SOFTMAX = 'swat softmax rope none';

/** Mamba2 and Gated DeltaNet are shades of their kin, and so are SWAT's (-) and (+); windowed softmax is a lighter Transformer. */
const KNOWN: readonly KnownModel[] = [
  { name: 'swat', kind: BALANCED, look: 0 },
  { name: 'transformer', kind: 'transformer', look: 1 },
  { name: 'retnet', kind: 'retnet', look: 2 },
  { name: 'gla', kind: 'gla', look: 3 },
  { name: 'mamba', kind: 'mamba', look: 4 },
  { name: 'delta_net', kind: 'delta_net', look: 5 },
  { name: 'titans', kind: 'titans', look: 6 },
  { name: 'ttt', kind: 'ttt', look: 7 },
  { name: 'mamba2', kind: 'mamba2', look: 12 },
  { name: 'gated_deltanet', kind: 'gated_deltanet', look: 13 },
  { name: 'gsa', kind: 'gsa', look: 27 },
  { name: 'swat-minus', kind: 'swat sigmoid rope minus', look: 8 },
  { name: 'swat-plus', kind: 'swat sigmoid rope plus', look: 14 },
  { name: 'swa-softmax', kind: WINDOWED_SOFTMAX, look: 9 },
  // The ablation of the paper's Table 3.
  { name: 'softmax-rope', kind: WINDOWED_SOFTMAX, look: 25 },
  { name: 'softmax-alibi', kind: 'swat softmax alibi minus', look: 10 },
  { name: 'softmax-alibi', kind: 'swat softmax alibi plus', look: 10 },
  { name: 'sigmoid-rope', kind: 'swat sigmoid rope none', look: 11 },
  { name: 'sigmoid-alibi', kind: 'swat sigmoid alibi balanced', look: 15 },
  { name: 'sigmoid-alirope-3-1', kind: 'swat sigmoid rope more minus', look: 24 },
  { name: 'sigmoid-alirope-1-3', kind: 'swat sigmoid rope more plus', look: 30 },
];

/** As figures name it, its family, and its config.json where a record has it. */
export interface LabelledModel {
  readonly label: string;
  readonly baseline: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** By label. Of several models of one kind, the one that is named after it, else the first one by label, has its look. */
export function knownLooks(models: readonly LabelledModel[]): Map<string, number> {
  const looks = new Map<string, number>();
  const byLabel = [...models].sort((a, b) => (a.label < b.label ? -1 : 1));
  for (const named of [true, false])
    for (const model of byLabel) {
      if (looks.has(model.label)) continue;
      const own = KNOWN.filter(({ kind }) => kind === kindOf(model));
      const known = named ? own.find(({ name }) => isNamed(model.label, name)) : own[0];
      if (known !== undefined && ![...looks.values()].includes(known.look)) looks.set(model.label, known.look);
    }
  return looks;
}

/** `swat-tiny,window_size=64` is named swat. */
function isNamed(label: string, name: string): boolean {
  return label.startsWith(name) && !/^\w/.test(label.slice(name.length));
}

function kindOf({ baseline, config }: LabelledModel): string {
  if (baseline !== 'swat') return baseline;
  const attention = config === undefined ? null : attentionKind(config);
  if (attention === null) return BALANCED;
  const { activation, rope, slopes } = attention;
  const positions = rope ? 'rope' : slopes === null ? 'none' : 'alibi';
  return ['swat', activation, positions, lean(slopes)].join(' ');
}

/** Where the slopes of most heads point; one head does not tip an odd number. */
function lean(slopes: AttentionKind['slopes']): string {
  if (slopes === null) return 'none';
  const { recent, old } = slopes;
  if (old === 0) return 'minus';
  if (recent === 0) return 'plus';
  if (Math.abs(recent - old) <= 1) return 'balanced';
  return recent > old ? 'more minus' : 'more plus';
}
