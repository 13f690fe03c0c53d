// A table in GitHub's Markdown.
import { superscript } from './render-text.js';
import { footnotes, noteNumbers, type Cell, type Table } from './table.js';

export function renderMarkdown(table: Table): string {
  const notes = footnotes(table);
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`;
  const lines = [
    line(table.columns.map(({ title }) => escapeMarkdown(title))),
    line(table.columns.map(({ align }) => (align === 'right' ? '---:' : ':---'))),
    ...table.sections
      .flat()
      .map((row) => line(row.map((cell) => emphasized(cell) + superscript(noteNumbers(cell, notes))))),
  ];
  const below = [...notes.map((note, k) => `${superscript([k + 1])} ${note}`), ...table.remarks].map(escapeMarkdown);
  return [lines.join('\n'), ...below].join('\n\n') + '\n';
}

function emphasized({ text, emphasis }: Cell): string {
  const escaped = escapeMarkdown(text);
  switch (emphasis) {
    case 'best':
      return `**${escaped}**`;
    case 'second':
      return `<u>${escaped}</u>`;
    case null:
      return escaped;
    default:
      return emphasis satisfies never;
  }
}

/** What would end a cell, start a tag or mark text up: `arc_easy` stays as it is, since `_` inside a word marks nothing. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\|*`<>]/g, '\\$&').replace(/\r?\n/g, ' ');
}
