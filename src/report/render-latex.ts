// A table in LaTeX with the rules of the booktabs package, notes in a line of footnote size each.
import { footnotes, noteNumbers, type Cell, type Table } from './table.js';

export function renderLatex(table: Table): string {
  const notes = footnotes(table);
  const line = (texts: readonly string[]) => `${texts.join(' & ')} \\\\`;
  const sections = table.sections.map((rows) =>
    rows.map((row) => line(row.map((cell) => emphasized(cell) + superscript(noteNumbers(cell, notes))))).join('\n'),
  );
  const below = [
    ...notes.map((note, k) => superscript([k + 1]) + escapeLatex(note)),
    ...table.remarks.map(escapeLatex),
  ];
  return [
    '% \\usepackage{booktabs}',
    `\\begin{tabular}{${table.columns.map(({ align }) => align[0]).join('')}}`,
    '\\toprule',
    line(table.columns.map(({ title }) => escapeLatex(title))),
    '\\midrule',
    sections.filter((section) => section !== '').join('\n\\midrule\n'),
    '\\bottomrule',
    '\\end{tabular}',
    ...below.map((text) => `\\par{\\footnotesize ${text}}`),
    '',
  ].join('\n');
}

function emphasized({ text, emphasis }: Cell): string {
  const escaped = escapeLatex(text);
  switch (emphasis) {
    case 'best':
      return `\\textbf{${escaped}}`;
    case 'second':
      return `\\underline{${escaped}}`;
    case null:
      return escaped;
    default:
      return emphasis satisfies never;
  }
}

function superscript(numbers: readonly number[]): string {
  return numbers.length === 0 ? '' : `$^{${numbers.join(',')}}$`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '&': '\\&',
  '%': '\\%',
  $: '\\$',
  '#': '\\#',
  _: '\\_',
  '{': '\\{',
  '}': '\\}',
  // Outside ASCII, what this program's own tables print.
  '↑': '$\\uparrow$',
  '↓': '$\\downarrow$',
  '±': '$\\pm$',
  '−': '$-$',
  '·': '$\\cdot$',
  '–': '--',
};

/** Text that LaTeX prints as it stands. An opening bracket is shielded: behind `\\` it would be read as an argument. */
export function escapeLatex(text: string): string {
  return text.replace(/[\\~^&%$#_{}↑↓±−·–]/g, (character) => ESCAPES[character]!).replace(/^\[/, '{[}');
}
