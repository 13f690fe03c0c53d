import test from 'ava';
import { renderCsv, tableRecords } from '../../src/report/render-data.js';
import { escapeLatex, renderLatex } from '../../src/report/render-latex.js';
import { escapeMarkdown, renderMarkdown } from '../../src/report/render-markdown.js';
import { renderText } from '../../src/report/render-text.js';
import { textCell, type Table } from '../../src/report/table.js';

const table: Table = {
  columns: [
    { key: 'model', title: 'Model', align: 'left' },
    { key: 'score', title: 'Score ↑', align: 'right' },
  ],
  sections: [
    [
      [textCell('a_b & c'), { text: '9.50', value: 9.5, notes: ['half of the rows'], emphasis: null }],
      [textCell('long|name'), { text: '10.25', value: 10.25, notes: [], emphasis: 'best' }],
    ],
    [[textCell('none'), { text: '–', value: null, notes: ['half of the rows', 'a guess'], emphasis: 'second' }]],
  ],
  remarks: ['A remark.'],
};

test('text pads columns, numbers to the right, notes below under their numbers', (t) => {
  t.is(
    renderText(table),
    [
      'Model      Score ↑',
      'a_b & c      9.50¹',
      'long|name    10.25',
      'none          –¹˒²',
      '',
      '¹ half of the rows',
      '² a guess',
      'A remark.',
      '',
    ].join('\n'),
  );
});

test('Markdown keeps a pipe inside its cell, marks the best bold and the second underlined', (t) => {
  const lines = renderMarkdown(table).split('\n');
  t.is(lines[1], '| :--- | ---: |');
  t.is(lines[3], '| long\\|name | **10.25** |');
  t.is(lines[4], '| none | <u>–</u>¹˒² |');
});

test('Markdown escapes what would be markup', (t) => {
  t.is(escapeMarkdown('a|b*c`<d>\\e'), 'a\\|b\\*c\\`\\<d\\>\\\\e');
});

test('LaTeX has booktabs rules between sections and no raw special character', (t) => {
  const text = renderLatex(table);
  t.true(text.includes('\\begin{tabular}{lr}\n\\toprule\nModel & Score $\\uparrow$ \\\\\n\\midrule\n'));
  t.true(text.includes('a\\_b \\& c & 9.50$^{1}$ \\\\\nlong|name & \\textbf{10.25} \\\\\n\\midrule\n'));
  t.true(text.includes('none & \\underline{--}$^{1,2}$ \\\\\n\\bottomrule'));
});

test('every character that LaTeX reads as a command is escaped', (t) => {
  t.is(
    escapeLatex('\\ { } $ & # % _ ~ ^'),
    '\\textbackslash{} \\{ \\} \\$ \\& \\# \\% \\_ \\textasciitilde{} \\textasciicircum{}',
  );
  t.is(escapeLatex('[0.1, 0.2]'), '{[}0.1, 0.2]');
});

test('data formats give values, nulls and the notes of a row', (t) => {
  t.deepEqual(tableRecords(table)[2], { model: 'none', score: null, notes: ['half of the rows', 'a guess'] });
  t.is(renderCsv(table).split('\n')[3], 'none,,half of the rows; a guess');
});
