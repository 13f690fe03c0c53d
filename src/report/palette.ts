// One look a model in every figure: colours of Okabe and Ito (2008), which people with any colour vision tell apart.

export interface ModelStyle {
  readonly color: string;
  /** chart.js point style. */
  readonly marker: 'circle' | 'rect' | 'triangle' | 'rectRot' | 'star' | 'crossRot' | 'rectRounded' | 'cross';
}

/** Eight colours, then lighter tints of them for relatives and for figures with more models. */
const STYLES: readonly ModelStyle[] = [
  { color: '#0072b2', marker: 'circle' },
  { color: '#404040', marker: 'rect' },
  { color: '#e69f00', marker: 'triangle' },
  { color: '#009e73', marker: 'rectRot' },
  { color: '#d55e00', marker: 'star' },
  { color: '#cc79a7', marker: 'crossRot' },
  { color: '#56b4e9', marker: 'rectRounded' },
  { color: '#f0e442', marker: 'cross' },
  { color: '#80b9d9', marker: 'rect' },
  { color: '#9f9f9f', marker: 'circle' },
  { color: '#f3cf80', marker: 'rectRot' },
  { color: '#80cfb9', marker: 'triangle' },
  { color: '#eaaf80', marker: 'crossRot' },
  { color: '#e6bcd3', marker: 'star' },
  { color: '#abdaf4', marker: 'cross' },
  { color: '#f8f2a1', marker: 'rectRounded' },
];

/** The families of the paper's table. Mamba2, Gated DeltaNet and a second SWAT are tints of their kin. */
const FAMILY_STYLE: Readonly<Record<string, number>> = {
  swat: 0,
  transformer: 1,
  retnet: 2,
  gla: 3,
  mamba: 4,
  delta_net: 5,
  titans: 6,
  ttt: 7,
  mamba2: 12,
  gated_deltanet: 13,
};

/**
 * A style for each model, in their order. A family's first model (by label) always has the family's own; further ones, and
 * unknown families, take the next free style from one that their label alone decides. So two figures agree about a model
 * unless another one in only one of them wants the same style.
 */
export function modelStyles(models: readonly { label: string; baseline: string }[]): ModelStyle[] {
  const taken = new Map<string, number>();
  const byLabel = [...models].sort((a, b) => (a.label < b.label ? -1 : 1));
  const known = byLabel.filter(({ baseline }, k) => {
    const first = byLabel.findIndex((model) => model.baseline === baseline) === k;
    return first && FAMILY_STYLE[baseline] !== undefined;
  });
  for (const { label, baseline } of known) taken.set(label, FAMILY_STYLE[baseline]!);
  for (const { label } of byLabel) if (!taken.has(label)) taken.set(label, nextFree(hash(label), [...taken.values()]));
  return models.map(({ label }) => STYLES[taken.get(label)!]!);
}

function nextFree(start: number, taken: readonly number[]): number {
  const order = STYLES.map((_, k) => (start + k) % STYLES.length);
  return order.find((k) => !taken.includes(k)) ?? order[0]!;
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let k = 0; k < text.length; k += 1) value = Math.imul(value ^ text.charCodeAt(k), 0x01000193) >>> 0;
  return value;
}
