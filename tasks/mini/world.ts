// The small world: its words, and what is true in it everywhere. Words are short and few, so that a byte-pair vocabulary of
// about a thousand has each of them as one token, and half a million parameters can learn what they mean.

/** Each has a pronoun, because people are told of as `he` and `she`. */
export const WOMEN = ['Ada', 'Dot', 'Fay', 'Ida', 'Kim', 'Mia', 'Ola', 'Pam', 'Sue', 'Una'] as const;
export const MEN = ['Ben', 'Cal', 'Eli', 'Gus', 'Hal', 'Jon', 'Leo', 'Ned', 'Ray', 'Tom'] as const;
export const NAMES: readonly string[] = [...WOMEN, ...MEN];

export function pronoun(name: string): 'she' | 'he' {
  return (WOMEN as readonly string[]).includes(name) ? 'she' : 'he';
}

export interface Thing {
  readonly name: string;
  readonly material: Material;
  readonly kind: string;
  /** What people do with it: a verb and its object. */
  readonly use: string;
}

export type Material = 'iron' | 'clay' | 'glass' | 'wool' | 'wood' | 'paper';

/** Three of each material. */
export const THINGS: readonly Thing[] = [
  { name: 'saw', material: 'iron', kind: 'tool', use: 'cut logs' },
  { name: 'axe', material: 'iron', kind: 'tool', use: 'chop trees' },
  { name: 'key', material: 'iron', kind: 'tool', use: 'open doors' },
  { name: 'cup', material: 'clay', kind: 'dish', use: 'drink tea' },
  { name: 'pot', material: 'clay', kind: 'dish', use: 'cook soup' },
  { name: 'jug', material: 'clay', kind: 'dish', use: 'pour milk' },
  { name: 'lamp', material: 'glass', kind: 'tool', use: 'light rooms' },
  { name: 'vase', material: 'glass', kind: 'dish', use: 'hold roses' },
  { name: 'jar', material: 'glass', kind: 'dish', use: 'keep jam' },
  { name: 'hat', material: 'wool', kind: 'cloth', use: 'warm ears' },
  { name: 'coat', material: 'wool', kind: 'cloth', use: 'stop wind' },
  { name: 'rug', material: 'wool', kind: 'cloth', use: 'cover floors' },
  { name: 'cart', material: 'wood', kind: 'tool', use: 'carry hay' },
  { name: 'oar', material: 'wood', kind: 'tool', use: 'row boats' },
  { name: 'drum', material: 'wood', kind: 'toy', use: 'play songs' },
  { name: 'book', material: 'paper', kind: 'page', use: 'tell tales' },
  { name: 'map', material: 'paper', kind: 'page', use: 'find roads' },
  { name: 'kite', material: 'paper', kind: 'toy', use: 'ride storms' },
];

/** What becomes of a material, and so of every thing made of it. */
export const EFFECTS: Readonly<Record<string, Readonly<Record<Material, string>>>> = {
  'in the rain': {
    iron: 'rusts',
    clay: 'shines',
    glass: 'drips',
    wool: 'shrinks',
    wood: 'swells',
    paper: 'tears',
  },
  'in the fire': { iron: 'glows', clay: 'dries', glass: 'melts', wool: 'smokes', wood: 'burns', paper: 'curls' },
  'on the stones': { iron: 'rings', clay: 'cracks', glass: 'breaks', wool: 'lands', wood: 'rolls', paper: 'floats' },
};

export interface Animal {
  readonly name: string;
  readonly eats: string;
  readonly home: string;
}

export const ANIMALS: readonly Animal[] = [
  { name: 'dog', eats: 'bones', home: 'yard' },
  { name: 'cat', eats: 'mice', home: 'attic' },
  { name: 'cow', eats: 'grass', home: 'barn' },
  { name: 'hen', eats: 'seeds', home: 'coop' },
  { name: 'pig', eats: 'roots', home: 'sty' },
  { name: 'goat', eats: 'leaves', home: 'shed' },
  { name: 'duck', eats: 'weeds', home: 'pond' },
  { name: 'fox', eats: 'eggs', home: 'den' },
  { name: 'owl', eats: 'moths', home: 'tree' },
  { name: 'bee', eats: 'honey', home: 'hive' },
];

export interface Job {
  readonly name: string;
  readonly does: string;
}

export const JOBS: readonly Job[] = [
  { name: 'baker', does: 'bakes bread' },
  { name: 'miller', does: 'grinds flour' },
  { name: 'farmer', does: 'plants beans' },
  { name: 'sailor', does: 'sails ships' },
  { name: 'tailor', does: 'sews shirts' },
  { name: 'hunter', does: 'tracks deer' },
  { name: 'doctor', does: 'heals wounds' },
  { name: 'smith', does: 'forges gates' },
];

export interface Cause {
  readonly name: string;
  readonly effect: string;
}

export const CAUSES: readonly Cause[] = [
  { name: 'rain', effect: 'the roads get wet' },
  { name: 'frost', effect: 'the lakes freeze' },
  { name: 'heat', effect: 'the snow melts' },
  { name: 'wind', effect: 'the leaves fall' },
  { name: 'spring', effect: 'the roses bloom' },
  { name: 'night', effect: 'the owls wake' },
  { name: 'thunder', effect: 'the dogs hide' },
  { name: 'hunger', effect: 'the foxes hunt' },
];

/** What one text says of its people, and no other text has to agree with. */
export const PLACES = [
  'mill',
  'inn',
  'well',
  'hill',
  'lake',
  'shop',
  'farm',
  'park',
  'camp',
  'cave',
  'port',
  'hall',
] as const;
export const FOODS = ['cake', 'soup', 'rice', 'fish', 'pears', 'plums', 'nuts', 'corn', 'cheese', 'bread'] as const;
export const COLOURS = ['red', 'blue', 'green', 'black', 'white', 'brown', 'pink', 'grey', 'gold', 'tan'] as const;
export const NUMBERS = ['two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'] as const;
