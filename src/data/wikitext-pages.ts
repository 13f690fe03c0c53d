// WikiText's raw text cut into pages, as EleutherAI/wikitext_document_level (lm-eval's `wikitext`) has them in its column `page`.

export interface WikitextPage {
  readonly page: string;
  /** Line of the text, from 1, on which the page starts. */
  readonly line: number;
}

/**
 * A page starts at a line ` = Title = ` with one `=` a side (sections have more); its lines are kept as they are, and
 * the line end between two pages belongs to neither. A blank text before the first title is no page.
 */
export function splitPages(text: string): WikitextPage[] {
  const lines = text.split('\n');
  const starts = [0, ...lines.flatMap((line, index) => (index > 0 && isTitle(line) ? [index] : []))];
  return starts
    .map((start, k) => ({ page: lines.slice(start, starts[k + 1]).join('\n'), line: start + 1 }))
    .filter(({ page }) => page.trim() !== '');
}

/** The inverse of `splitPages`. */
export function joinPages(pages: readonly string[]): string {
  return pages.join('\n');
}

function isTitle(line: string): boolean {
  const closed = line.replaceAll('= = =', '===').replaceAll('= =', '==').trim();
  return closed.startsWith('= ') && closed.endsWith(' =');
}
