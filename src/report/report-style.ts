// The look of report.html: one column of text, figures beside each other where there is room, wide tables that scroll by themselves.

export const REPORT_STYLE = `
body { margin: 0 auto; max-width: 1420px; padding: 24px; color: #222222; background: #ffffff; font: 15px/1.5 Inter, sans-serif; }
h1 { font-size: 26px; margin: 0; }
h2 { font-size: 19px; margin: 36px 0 12px; padding-top: 8px; border-top: 1px solid #dddddd; }
header p { margin: 4px 0 12px; color: #555555; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; margin: 0; padding: 0; }
a { color: #005a8c; }
.figures { display: flex; flex-wrap: wrap; gap: 28px; align-items: flex-end; }
figure { margin: 0; max-width: 100%; }
figure svg { display: block; max-width: 100%; }
figure > svg { height: auto; }
figcaption { color: #555555; font-size: 13px; margin-top: 4px; max-width: 640px; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; border-top: 2px solid #222222; border-bottom: 2px solid #222222; }
th, td { padding: 3px 10px; text-align: left; white-space: nowrap; }
th { font-weight: 600; border-bottom: 1px solid #222222; }
tbody + tbody { border-top: 1px solid #222222; }
tbody tr:hover { background: #f3f6f9; }
.number { text-align: right; }
.note { margin: 6px 0 0; font-size: 12.5px; color: #555555; }
details { margin: 8px 0; font-size: 13px; }
summary { cursor: pointer; }
pre { overflow-x: auto; background: #f6f6f6; padding: 10px; font-size: 12px; }
@media print { body { max-width: none; padding: 0; } .table { overflow: visible; } figure, tr { break-inside: avoid; } }
`.trim();
