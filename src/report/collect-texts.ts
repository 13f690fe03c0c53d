// Texts of a canvas as <text> elements, in place of being drawn. Skia's own SVG loses letters that a font replaces by their
// neighbours, as Inter does with brackets around figures.
import type { SKRSContext2D } from '@napi-rs/canvas';

/** Where a line of text lies below the places that canvas gives it by, in em: ascent and descent of Inter. */
const ASCENT = 0.96875;
const DESCENT = 0.2412;
const BELOW: Readonly<Record<string, number>> = {
  top: ASCENT,
  hanging: ASCENT,
  middle: (ASCENT - DESCENT) / 2,
  bottom: -DESCENT,
  ideographic: -DESCENT,
};
const ANCHOR: Readonly<Record<string, string>> = { center: 'middle', right: 'end', end: 'end' };

/** The elements of what is written on `context` from now on, in the order of writing. */
export function collectTexts(context: SKRSContext2D): string[] {
  const elements: string[] = [];
  context.fillText = (text, x, y) => {
    const { a, b, c, d, e, f } = context.getTransform();
    const [, weight, size] = /^(?:.*?\b(\d{3}|bold)\s)?.*?([\d.]+)px/.exec(context.font) ?? [];
    const attributes = {
      x: round(x),
      y: round(y + (BELOW[context.textBaseline] ?? 0) * Number(size)),
      fill: context.fillStyle as string,
      'font-family': 'Inter',
      'font-size': size,
      'font-weight': weight === '400' ? undefined : weight,
      'text-anchor': ANCHOR[context.textAlign],
      transform:
        [a, b, c, d, e, f].join() === '1,0,0,1,0,0' ? undefined : `matrix(${[a, b, c, d, e, f].map(round).join(' ')})`,
    };
    const written = Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}="${value}"`],
    );
    elements.push(`<text ${written.join(' ')}>${escapeXml(text)}</text>`);
  };
  return elements;
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

/** Text between tags or in an attribute. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
