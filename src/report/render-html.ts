// A table as HTML.
import { escapeXml } from './collect-texts.js';
import { footnotes, noteNumbers, type Cell, type Table } from './table.js';

export function renderHtml(table: Table): string {
  const notes = footnotes(table);
  const cell = (tag: 'th' | 'td', column: number, content: string) =>
    `<${tag}${table.columns[column]!.align === 'right' ? ' class="number"' : ''}>${content}</${tag}>`;
  const row = (cells: readonly string[]) => `<tr>${cells.join('')}</tr>`;
  const sections = table.sections
    .filter((rows) => rows.length > 0)
    .map((rows) => {
      const lines = rows.map((cells) =>
        row(cells.map((each, k) => cell('td', k, emphasized(each) + superscript(noteNumbers(each, notes))))),
      );
      return `<tbody>\n${lines.join('\n')}\n</tbody>`;
    });
  const below = [...notes.map((note, k) => superscript([k + 1]) + escapeXml(note)), ...table.remarks.map(escapeXml)];
  return [
    '<div class="table"><table>',
    `<thead>${row(table.columns.map(({ title }, k) => cell('th', k, escapeXml(title))))}</thead>`,
    ...sections,
    '</table></div>',
    ...below.map((text) => `<p class="note">${text}</p>`),
  ].join('\n');
}

function emphasized({ text, emphasis }: Cell): string {
  const escaped = escapeXml(text);
  switch (emphasis) {
    case 'best':
      return `<b>${escaped}</b>`;
    case 'second':
      return `<u>${escaped}</u>`;
    case null:
      return escaped;
    default:
      return emphasis satisfies never;
  }
}

function superscript(numbers: readonly number[]): string {
  return numbers.length === 0 ? '' : `<sup>${numbers.join(',')}</sup>`;
}
