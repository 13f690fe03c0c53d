// A benchmark as data: one row a cell, in llama-bench's column names where it has them. Null stands where something is not known.
import type { BenchRecord, CellResult } from './bench-record.js';
import { cellName, cellTokens, type Cell, type CellKind } from './cells.js';
import { mean, median, medianAbsoluteDeviation, standardDeviation } from './statistics.js';

export interface BenchRow {
  run_id: string;
  build_commit: string;
  cpu_info: string;
  gpu_info: string;
  backends: string;
  /** As given on the command line, its name in tables, its family. */
  model_filename: string;
  model: string;
  model_type: string;
  /** Bytes of the weights. */
  model_size: number;
  model_n_params: number;
  dtype: string;
  test: string;
  kind: CellKind;
  /** Rows computed together, and their tokens that go through the model at once. */
  batch: number;
  n_batch: number;
  n_prompt: number;
  n_gen: number;
  n_depth: number;
  window: number | null;
  test_time: string;
  repetitions: number | null;
  avg_ns: number | null;
  stddev_ns: number | null;
  p50_ns: number | null;
  mad_ns: number | null;
  /** Tokens a second of all rows together: mean and standard deviation over the repetitions, and of the median time. */
  avg_ts: number | null;
  stddev_ts: number | null;
  p50_ts: number | null;
  ms_per_token: number | null;
  /** What one token takes that every row gets: the latency of decoding; null for what does not decode, or not only. */
  ms_per_step: number | null;
  peak_bytes: number | null;
  held_bytes: number | null;
  /** By the model's formula, behind the last token; null for training, which keeps none. */
  state_bytes: number | null;
  kernels: 'fused' | 'composite' | null;
  composite_ops: string | null;
  /** What the engine reached in the same run, and which share of it the cell's least operations and bytes are. */
  matmul_flops_per_s: number | null;
  matmul_share: number | null;
  copy_bytes_per_s: number | null;
  copy_share: number | null;
  status: CellResult['status'];
  error: string | null;
}

export function benchRows(record: BenchRecord): BenchRow[] {
  return record.results.map((result) => ({ ...commonColumns(record, result), ...measuredColumns(result) }));
}

type MeasuredColumn =
  | 'repetitions'
  | `${'avg' | 'stddev' | 'p50'}_${'ns' | 'ts'}`
  | 'mad_ns'
  | `ms_per_${'token' | 'step'}`
  | 'peak_bytes'
  | 'held_bytes'
  | 'kernels'
  | 'composite_ops'
  | 'matmul_flops_per_s'
  | 'matmul_share'
  | 'copy_bytes_per_s'
  | 'copy_share'
  | 'status'
  | 'error';

function commonColumns(
  { runId, build, cpu, engine, model }: BenchRecord,
  { cell, date, window, stateBytes }: CellResult,
): Omit<BenchRow, MeasuredColumn> {
  return {
    run_id: runId,
    build_commit: build.dirty ? `${build.revision}-dirty` : build.revision,
    cpu_info: cpu,
    gpu_info: engine.backend === 'webgpu' ? engine.device : '',
    backends: engine.backend,
    model_filename: model.spec,
    model: model.label,
    model_type: model.baseline,
    model_size: model.bytes,
    model_n_params: model.parameters,
    dtype: engine.dtype,
    test: cellName(cell),
    kind: cell.kind,
    batch: cell.batch,
    n_batch: cell.batch * Math.max(1, cell.prompt),
    n_prompt: cell.prompt,
    n_gen: cell.generated,
    n_depth: cell.depth,
    window,
    test_time: date,
    state_bytes: cell.kind === 'train' ? null : stateBytes,
  };
}

function measuredColumns(result: CellResult): Pick<BenchRow, MeasuredColumn> {
  if (result.status !== 'ok') return { ...NOT_MEASURED, status: result.status, error: result.error };
  const { cell, nanoseconds, ceilings, flops, bytes, compositeOps } = result;
  const tokens = cellTokens(cell);
  const speeds = nanoseconds.map((ns) => (tokens * 1e9) / ns);
  const middle = median(nanoseconds);
  return {
    repetitions: nanoseconds.length,
    avg_ns: mean(nanoseconds),
    stddev_ns: standardDeviation(nanoseconds),
    p50_ns: middle,
    mad_ns: medianAbsoluteDeviation(nanoseconds),
    avg_ts: mean(speeds),
    stddev_ts: standardDeviation(speeds),
    p50_ts: (tokens * 1e9) / middle,
    ms_per_token: middle / 1e6 / tokens,
    ms_per_step: stepsOf(cell) === null ? null : middle / 1e6 / stepsOf(cell)!,
    peak_bytes: result.peakBytes,
    held_bytes: result.heldBytes,
    kernels: result.kernels,
    composite_ops: compositeOps.join(' '),
    matmul_flops_per_s: ceilings.flopsPerSecond,
    matmul_share: flops === null ? null : (flops * 1e9) / middle / ceilings.flopsPerSecond,
    copy_bytes_per_s: ceilings.bytesPerSecond,
    copy_share: bytes === null ? null : (bytes * 1e9) / middle / ceilings.bytesPerSecond,
    status: 'ok',
    error: null,
  };
}

function stepsOf({ kind, generated }: Cell): number | null {
  return kind === 'decode' ? generated : null;
}

const NOT_MEASURED = {
  repetitions: null,
  avg_ns: null,
  stddev_ns: null,
  p50_ns: null,
  mad_ns: null,
  avg_ts: null,
  stddev_ts: null,
  p50_ts: null,
  ms_per_token: null,
  ms_per_step: null,
  peak_bytes: null,
  held_bytes: null,
  kernels: null,
  composite_ops: null,
  matmul_flops_per_s: null,
  matmul_share: null,
  copy_bytes_per_s: null,
  copy_share: null,
};
