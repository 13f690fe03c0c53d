// A table for the terminal: padded columns, two spaces apart, remarks and footnotes below.
import { footnotes, noteNumbers, type Table } from './table.js';

export function renderText(table: Table): string {
  const notes = footnotes(table);
  const titles = table.columns.map(({ title }) => title);
  const rows = table.sections.flat().map((row) => row.map((cell) => cell.text + superscript(noteNumbers(cell, notes))));
  const widths = titles.map((title, k) => Math.max(...[title, ...rows.map((row) => row[k]!)].map(width)));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, k) => {
        const padding = ' '.repeat(widths[k]! - width(text));
        return table.columns[k]!.align === 'right' ? padding + text : text + padding;
      })
      .join('  ')
      .trimEnd();
  const below = [...notes.map((note, k) => `${superscript([k + 1])} ${note}`), ...table.remarks];
  return [titles, ...rows].map(line).join('\n') + (below.length === 0 ? '' : `\n\n${below.join('\n')}`) + '\n';
}

/** `¹˒²` */
export function superscript(numbers: readonly number[]): string {
  return numbers.map((number) => [...String(number)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')).join('˒');
}

function width(text: string): number {
  return [...text].length;
}
