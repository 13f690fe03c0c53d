// One look a model in every figure: colours of Okabe and Ito (2008), which people with any colour vision tell apart; their yellow
// is darker here, so that a line of it shows on white.

import { nameWithoutSeed } from './display-names.js';
import { knownLooks, type LabelledModel } from './known-looks.js';
import type { Marker } from './markers.js';

export interface ModelStyle {
  readonly color: string;
  readonly marker: Marker;
}

/** Eight colours, then darker shades of them (and a lighter grey) for relatives and for figures with more models. */
const STYLES: readonly ModelStyle[] = [
  { color: '#0072b2', marker: 'circle' },
  { color: '#404040', marker: 'rect' },
  { color: '#e69f00', marker: 'triangle' },
  { color: '#009e73', marker: 'rectRot' },
  { color: '#d55e00', marker: 'star' },
  { color: '#cc79a7', marker: 'crossRot' },
  { color: '#56b4e9', marker: 'triangleDown' },
  { color: '#c4b000', marker: 'cross' },
  { color: '#00406b', marker: 'triangleDownHollow' },
  { color: '#9f9f9f', marker: 'circleHollow' },
  { color: '#8f6300', marker: 'cross' },
  { color: '#00573f', marker: 'triangleDown' },
  { color: '#7d3700', marker: 'rectRotHollow' },
  { color: '#7e3f63', marker: 'rectHollow' },
  { color: '#2f6b8f', marker: 'triangleHollow' },
  { color: '#6f6500', marker: 'star' },
];

/** Where there are more models than styles: every colour once more, in its order above, with another marker. */
const FURTHER_MARKERS: readonly Marker[] = [
  ...(['rectHollow', 'triangleHollow', 'circleHollow', 'bar', 'rect', 'triangleDown', 'cross', 'rectRot'] as const),
  ...(['rectRot', 'rectRotHollow', 'circle', 'bar', 'star', 'crossRot', 'rect', 'triangle'] as const),
];
const LOOKS: readonly ModelStyle[] = [
  ...STYLES,
  ...FURTHER_MARKERS.map((marker, k) => ({ color: STYLES[k]!.color, marker })),
];

/**
 * A style for each model, in their order. Models that are known have looks of their own, whatever stands beside them; others, and
 * further ones of a kind, take the next free style from one that their label alone decides. So two figures agree about those, too,
 * unless another one in only one of them wants the same style.
 */
export function modelStyles(models: readonly LabelledModel[]): ModelStyle[] {
  const taken = knownLooks(models);
  const byLabel = models.map(({ label }) => label).sort();
  for (const label of byLabel) if (!taken.has(label)) taken.set(label, nextFree(hash(label), [...taken.values()]));
  return models.map(({ label }) => LOOKS[taken.get(label)!]!);
}

/**
 * The styles of all models that a set of figures shows, so that every figure draws a model alike. Lines that show a part of a
 * model's cells (one window of several, say) take further styles, in the order in which they come.
 */
export class StyleBook {
  private readonly styles = new Map<string, ModelStyle>();
  private readonly twins: ReadonlyMap<string, string>;

  /** @param benched models of benchmarks, which may be the others' architectures at another size. */
  constructor(models: readonly LabelledModel[], benched: readonly LabelledModel[] = []) {
    this.twins = twinsOf(benched, models);
    const others = benched.filter(({ label }) => !this.twins.has(label));
    // Lines of several seeds are named without them.
    const unseeded = [...models, ...others].map((model) => ({ ...model, label: nameWithoutSeed(model.label) }));
    const all = [...unseeded, ...models, ...others];
    const distinct = [...new Map(all.map((model) => [model.label, model])).values()];
    modelStyles(distinct).forEach((style, k) => this.styles.set(distinct[k]!.label, style));
  }

  /** The model that a benchmarked one is another size of, and looks like; else its own label. */
  twin(label: string): string {
    return this.twins.get(label) ?? label;
  }

  of(label: string): ModelStyle {
    const twin = this.twins.get(label);
    if (twin !== undefined) return this.of(twin);
    const known = this.styles.get(label);
    if (known !== undefined) return known;
    const taken = [...this.styles.values()].map((style) => LOOKS.indexOf(style));
    const style = LOOKS[nextFree(hash(label), taken)]!;
    this.styles.set(label, style);
    return style;
  }
}

/** By label: the model named as a family is the twin of the one benchmark of that family. */
function twinsOf(benched: readonly LabelledModel[], models: readonly LabelledModel[]): Map<string, string> {
  const labels = new Set(models.map(({ label }) => label));
  const twins = benched.filter(({ label, baseline }) => {
    const alone = benched.every((other) => other.baseline !== baseline || other.label === label);
    return alone && labels.has(baseline) && !labels.has(label);
  });
  return new Map(twins.map(({ label, baseline }) => [label, baseline]));
}

function nextFree(start: number, taken: readonly number[]): number {
  const order = LOOKS.map((_, k) => ((start + k) % STYLES.length) + (k < STYLES.length ? 0 : STYLES.length));
  return order.find((k) => !taken.includes(k)) ?? order[0]!;
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let k = 0; k < text.length; k += 1) value = Math.imul(value ^ text.charCodeAt(k), 0x01000193) >>> 0;
  return value;
}
