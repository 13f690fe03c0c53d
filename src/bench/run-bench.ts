// `bench`: what its cells are, how they are measured, and what a model's run.json says of them.
import { startEngine, type Engine } from '../backends/engine.js';
import type { Measurement, MeasuringEnvironment, ModelCells, Share } from '../measure/measure-models.js';
import { modelParameters } from '../models/checkpoint/parameters.js';
import { EMBEDDING, type Decoder } from '../models/decoder.js';
import { openModel, requirePrecision, type OpenedModel } from '../models/load-language-model.js';
import {
  readBenchRecord,
  type BenchRecord,
  type BenchSettings,
  type CellResult,
  type Ceilings,
} from './bench-record.js';
import { measureCeilings } from './ceilings.js';
import { cellsOf, cellTokens, type Cell } from './cells.js';
import { measureCell, type MeasureOptions } from './measure-cell.js';
import { PERIOD } from './random.js';
import { cellBytes, cellFlops, costOf } from './work.js';

export const benchMeasurement: Measurement<BenchRecord> = {
  kind: 'bench',
  noun: 'the benchmark',
  read: readBenchRecord,
  digests: ({ model }) => ({ weights: model.weightsDigest }),
  async open(settings, environment) {
    const opened: OpenedModel[] = [];
    for (const spec of settings.models) opened.push(await openModel(spec, { seed: settings.seed, period: PERIOD }));
    const engine = await startEngine(settings.backend, { log: environment.log });
    requirePrecision(engine, settings.dtype);
    const ceilings = await measureCeilings(engine, settings.dtype);
    return { settings, engine, models: opened.map((model) => cellsIn(model, settings, engine, ceilings, environment)) };
  },
};

function cellsIn(
  opened: OpenedModel,
  settings: BenchSettings,
  engine: Engine,
  ceilings: Ceilings,
  { progress, clock, signal }: MeasuringEnvironment<BenchRecord>,
): ModelCells<BenchRecord> {
  const decayed = new Map(modelParameters(opened.config).map(({ name, decay }) => [name, decay]));
  const options: MeasureOptions = {
    repetitions: settings.repetitions,
    readEvery: settings.readEvery,
    decayed: (name) => decayed.get(name) ?? false,
    clock,
    signal,
    advance: (tokens) => progress.advance(tokens),
  };
  const work = (cell: Cell) => (settings.repetitions + 1) * cellTokens(cell);
  return {
    opened,
    describe: (model, weightsDigest) => ({ model: describeModel(opened, model, weightsDigest) }),
    shares: (windows) => sharesOf(cellsOf({ ...settings, windows }), settings),
    work,
    async measure(model, cell, date) {
      const measured = await measureCell(model, engine, cell, options);
      if (measured === null) return null;
      if (measured.status !== 'ok') progress.advance(work(cell));
      return resultOf(opened, model, cell, date, ceilings, measured);
    },
  };
}

/** In f16 training has f32 master weights, and everything else packed ones. */
function sharesOf(cells: readonly Cell[], { dtype, train }: BenchSettings): Share<Cell>[] {
  if (dtype === 'f32' || !train) return [{ trained: train, cells }];
  return [
    { trained: false, cells: cells.filter(({ kind }) => kind !== 'train') },
    { trained: true, cells: cells.filter(({ kind }) => kind === 'train') },
  ];
}

async function resultOf(
  { baseline, rawConfig }: OpenedModel,
  model: Decoder,
  cell: Cell,
  date: string,
  ceilings: Ceilings,
  measured: NonNullable<Awaited<ReturnType<typeof measureCell>>>,
): Promise<CellResult> {
  const position = cell.depth + cell.prompt + cell.generated;
  const common = { cell, date, window: model.config.window, stateBytes: model.stateBytes(cell.batch, position) };
  if (measured.status !== 'ok') return { ...common, ...measured };
  const { memory, ...rest } = measured;
  const cost = await costOf(baseline, rawConfig, cell.window, model.parameterCount);
  // Of an embedding that is not the head, too, a token needs one row.
  const read = model.parameters.names().filter((name) => model.config.tied || name !== EMBEDDING);
  const weights = bytesOf(model, read);
  return {
    ...common,
    ...rest,
    ...memory,
    flops: cost === null ? null : cellFlops(cost, cell),
    bytes: cellBytes({ weights, state: (batch, position) => model.stateBytes(batch, position) }, cell),
    ceilings,
  };
}

function describeModel(
  { spec, label, baseline, rawConfig, config }: OpenedModel,
  model: Decoder,
  weightsDigest: string,
): BenchRecord['model'] {
  return {
    ...{ spec, label, baseline, weightsDigest },
    parameters: model.parameterCount,
    bytes: model.parameters.bytes(),
    config: rawConfig,
    window: config.window,
  };
}

function bytesOf({ parameters }: Decoder, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + parameters.bytesOf(name), 0);
}
