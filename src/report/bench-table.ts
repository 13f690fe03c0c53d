// The table of a benchmark: one row a cell, as llama-bench prints it, with memory, kernels and shares of what the device reaches.
import type { BenchRecord } from '../bench/bench-record.js';
import { benchRows, type BenchRow } from '../bench/bench-rows.js';
import { benchGroups } from './bench-groups.js';
import { bytesText, fixed, parameterCount } from './number-text.js';
import { MISSING, textCell, type Column, type Table } from './table.js';

/** What is said of figures that unfused kernels made, wherever they are printed. */
export const COMPOSITE_MEANING =
  'composite: computed by unfused tensor operations; the time is that of the framework and says nothing about the architecture';

interface BenchColumn extends Column {
  readonly text: (row: BenchRow) => string;
}

export function benchTable(runs: readonly BenchRecord[]): Table {
  const rows = benchGroups(runs).flatMap(({ label, runs: members }) =>
    members.flatMap((run) => benchRows(run).map((row) => ({ ...row, model: label }))),
  );
  const kept = COLUMNS.filter(({ key }) => !QUIET.has(key) || new Set(rows.map(text(key))).size > 1);
  return {
    columns: kept,
    sections: [rows.map((row) => kept.map((column) => textCell(column.text(row))))],
    remarks: [
      ...ceilingsOf(rows),
      ...(rows.some(({ kernels }) => kernels === 'composite') ? [COMPOSITE_MEANING] : []),
      ...rows.flatMap((row) => (row.error === null ? [] : [`${row.model} ${row.test}: ${row.status}, ${row.error}`])),
    ],
  };
}

const COLUMNS: readonly BenchColumn[] = [
  { key: 'model', title: 'model', align: 'left', text: (row) => row.model },
  { key: 'params', title: 'params', align: 'right', text: (row) => parameterCount(row.model_n_params) },
  { key: 'backend', title: 'backend', align: 'left', text: (row) => row.backends },
  { key: 'dtype', title: 'dtype', align: 'left', text: (row) => row.dtype },
  { key: 'batch', title: 'batch', align: 'right', text: (row) => String(row.batch) },
  { key: 'window', title: 'window', align: 'right', text: (row) => String(row.window ?? MISSING) },
  { key: 'test', title: 'test', align: 'right', text: (row) => row.test },
  { key: 'p50_ts', title: 'tokens/s', align: 'right', text: (row) => figure(row, row.p50_ts) },
  { key: 'mad', title: '± MAD', align: 'right', text: spreadText },
  {
    key: 'ms_per_token',
    title: 'ms/token',
    align: 'right',
    text: (row) => digits(row.ms_per_step ?? row.ms_per_token),
  },
  { key: 'peak_bytes', title: 'peak', align: 'right', text: (row) => bytesText(row.peak_bytes) },
  { key: 'state_bytes', title: 'state', align: 'right', text: (row) => bytesText(row.state_bytes) },
  { key: 'kernels', title: 'kernels', align: 'left', text: (row) => row.kernels ?? MISSING },
  { key: 'matmul_share', title: '% matmul', align: 'right', text: (row) => share(row.matmul_share) },
  { key: 'copy_share', title: '% copy', align: 'right', text: (row) => share(row.copy_share) },
];

/** Columns that are shown only where rows differ in them. */
const QUIET = new Set(['backend', 'dtype', 'window']);

function text(key: string): (row: BenchRow) => string {
  return COLUMNS.find((column) => column.key === key)!.text;
}

/** In place of a speed, why there is none. */
function figure(row: BenchRow, value: number | null): string {
  return row.status === 'ok' ? digits(value) : row.status;
}

/** The deviation of the time, as that of the speed. */
function spreadText({ p50_ts, p50_ns, mad_ns }: BenchRow): string {
  return p50_ts === null ? MISSING : digits((p50_ts * mad_ns!) / p50_ns!);
}

/** Four digits. */
function digits(value: number | null): string {
  if (value === null) return MISSING;
  return fixed(value, Math.min(4, Math.max(0, 3 - Math.floor(Math.log10(Math.max(value, 1e-9))))));
}

function share(value: number | null): string {
  return value === null ? MISSING : fixed(100 * value, value < 0.1 ? 1 : 0);
}

/** What 100 % is: of every session that the rows come from. */
function ceilingsOf(rows: readonly BenchRow[]): string[] {
  const sentences = rows.flatMap((row) =>
    row.matmul_flops_per_s === null || row.copy_bytes_per_s === null
      ? []
      : [
          `${row.backends} ${row.dtype}: matmul ${digits(row.matmul_flops_per_s / 1e9)} GFLOP/s, ` +
            `copy ${digits(row.copy_bytes_per_s / 1e9)} GB/s, measured in the same run`,
        ],
  );
  return [...new Set(sentences)];
}
