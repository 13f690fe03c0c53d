// Names of models as figures print them, in which there is less room than in a table.

export interface DisplayNames {
  readonly names: readonly string[];
  /** The settings that all names have in common and that are left out of them, as a caption says it; null where there are none. */
  readonly shared: string | null;
}

/** `swat-340m,vocab_size=32000` and `gla-340m,vocab_size=32000` are swat-340m and gla-340m, all with vocab_size=32000. */
export function displayNames(labels: readonly string[]): DisplayNames {
  const split = labels.map((label) => {
    const [, name, settings, rest] = /^([^,\s]*)((?:,[^,\s]+=[^,\s]*)*)(.*)$/s.exec(label)!;
    return { name: name!, settings: settings!.split(',').filter(Boolean), rest: rest! };
  });
  if (split.length < 2) return { names: labels, shared: null };
  const shared = split[0]!.settings.filter((setting) => split.every(({ settings }) => settings.includes(setting)));
  const names = split.map(({ name, settings, rest }) =>
    [name, ...settings.filter((setting) => !shared.includes(setting))].join(',').concat(rest),
  );
  return { names, shared: shared.length === 0 ? null : `All with ${shared.join(', ')}.` };
}

/** What the runs of one model with several seeds are called together: its name without the seed. */
export function nameWithoutSeed(label: string): string {
  return label.replace(/[-_,. ]+(?:seed[-=_ ]?|s)\d+(?=$|[-_,. ])/, '');
}

/** For a caption: what a figure's speeds were measured of, where that is another size of the models that it names. */
export function twinCaption(what: string, measured: readonly string[], shared: string | null): string[] {
  if (measured.length === 0) return [];
  return [
    `${what}: of ${measured.join(', ')}${shared === null ? '' : ` (${shared.replace('All with', 'all with').slice(0, -1)})`}.`,
  ];
}
