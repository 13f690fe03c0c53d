// Runs the cells of a sweep, each a process of this program, in the order of their needs. What is done is not done again.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { BuildInfo } from '../package-root.js';
import { UserError } from '../user-error.js';
import { bindingsOf, type Bindings, type Cell } from './cells.js';
import type { GridValue, Sweep } from './sweep-file.js';
import { readSweepRecord, writeSweepRecord, type CellRecord, type SweepRecord } from './sweep-record.js';
import { argumentsOf, filledBindings } from './template.js';

export interface CellProcess {
  readonly exitCode: number;
  /** Last line that it wrote to stderr. */
  readonly lastLine: string;
}

export interface SweepEnvironment {
  /** `swat-eval COMMAND ARGUMENTS`, its output kept in files in `directory`. It ends soon after the signal aborts. */
  start(command: string, argv: readonly string[], directory: string, signal: AbortSignal): Promise<CellProcess>;
  /** Last validation loss of the training run in a directory, in nats a token. */
  validationLoss(directory: string): number;
  /** A line on how a cell went. */
  log(sentence: string): void;
  readonly now: () => Date;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  readonly signal: AbortSignal;
  readonly build: BuildInfo;
}

export interface SweepPlan {
  readonly sweep: Sweep;
  readonly cells: readonly Cell[];
  /** Steps to run now; the cells of others stay as they are. */
  readonly asked: ReadonlySet<string>;
  readonly file: string;
  readonly digest: string;
  /** Root of the results tree. */
  readonly tree: string;
}

/** What to do with a tree that has a sweep already: refuse it, go on with it, or do it all again. */
export type Existing = 'refuse' | 'resume' | 'replace';

/**
 * @returns the record at the end; cells that were not started when the signal aborted are `pending`.
 * @throws UserError 'usage' for a tree that has a sweep, with `refuse`.
 */
export async function runSweep(
  plan: SweepPlan,
  existing: Existing,
  environment: SweepEnvironment,
): Promise<SweepRecord> {
  const { sweep, cells, tree } = plan;
  const before = readSweepRecord(tree);
  if (before !== null && existing === 'refuse')
    throw new UserError('usage', `${tree} has a sweep already`, {
      where: tree,
      hint: '--resume to go on with it, --replace to do it again, or another --output',
    });
  const kept = existing === 'resume' ? (before?.cells ?? []) : [];
  if (existing === 'replace')
    for (const { id } of before?.cells ?? []) rmSync(path.join(tree, id), { recursive: true, force: true });
  const session = new Session(plan, environment, kept);
  await session.save();
  const workers = Array.from({ length: Math.min(sweep.jobs, cells.length) }, () => session.work());
  await Promise.all(workers);
  return session.record();
}

/** Cells that are enough for those after them. */
const FINISHED: readonly CellRecord['status'][] = ['done', 'partial'];

class Session {
  private readonly plan: SweepPlan;
  private readonly environment: SweepEnvironment;
  private readonly created: string;
  private readonly records: Map<string, CellRecord>;
  private readonly waiting: Cell[];
  private readonly running = new Map<string, Promise<void>>();
  private readonly asked: number;
  private finished = 0;

  constructor(plan: SweepPlan, environment: SweepEnvironment, kept: readonly CellRecord[]) {
    this.plan = plan;
    this.environment = environment;
    this.created = environment.now().toISOString();
    const old = new Map(kept.map((record) => [record.id, record]));
    this.records = new Map(plan.cells.map((cell) => [cell.id, { ...pending(cell), ...withFate(old.get(cell.id)) }]));
    this.waiting = plan.cells.filter(({ step }) => plan.asked.has(step));
    this.asked = this.waiting.length;
  }

  record(): SweepRecord {
    const { sweep, file, digest } = this.plan;
    return {
      format: 1,
      kind: 'sweep',
      title: sweep.title,
      notes: sweep.notes,
      created: this.created,
      file: path.basename(file),
      digest,
      variables: { ...sweep.variables },
      build: this.environment.build,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      cells: [...this.records.values()],
    };
  }

  /** One write at a time, so that the last one stands. */
  private saving: Promise<void> = Promise.resolve();
  save(): Promise<void> {
    this.saving = this.saving.then(() => writeSweepRecord(this.plan.tree, this.record()));
    return this.saving;
  }

  /** Takes the next cell whose needs are met, until there is none; waits while others may meet them. */
  async work(): Promise<void> {
    for (;;) {
      if (this.environment.signal.aborted) return;
      const next = this.waiting.findIndex(({ needs }) => needs.every((id) => this.isOver(id)));
      if (next < 0) {
        if (this.waiting.length === 0 || this.running.size === 0) return;
        await Promise.race(this.running.values());
        continue;
      }
      const [cell] = this.waiting.splice(next, 1);
      const run = this.runCell(cell!).finally(() => this.running.delete(cell!.id));
      this.running.set(cell!.id, run);
      await run;
    }
  }

  private isOver(id: string): boolean {
    return !this.running.has(id) && !this.waiting.some((cell) => cell.id === id);
  }

  private async runCell(cell: Cell): Promise<void> {
    const { environment } = this;
    const missing = this.missing(cell);
    if (missing !== undefined)
      return this.end(cell, { status: 'failed', failure: `it needs ${missing}, which has not ended well` });
    const directory = path.join(this.plan.tree, cell.id);
    const record = this.records.get(cell.id)!;
    const bindings = this.bindings(cell);
    const argv = argumentsOf(cell.flags, bindings);
    const same = JSON.stringify(record.arguments) === JSON.stringify(argv);
    if (FINISHED.includes(record.status) && same) return this.report(cell, `${record.status} before`);

    // No run goes on with another build than it began with.
    const ofThisBuild = same && JSON.stringify(record.build) === JSON.stringify(environment.build);
    const unfinished = ofThisBuild ? runsBelow(directory).find((run) => !isComplete(run)) : undefined;
    if (unfinished === undefined) rmSync(directory, { recursive: true, force: true });
    const { build } = environment;
    this.records.set(cell.id, { ...record, values: { ...bindings }, status: 'running', arguments: argv, build });
    await this.save();
    const started = environment.clock();
    const words = unfinished === undefined ? [...argv, '--output', directory] : ['--resume', unfinished];
    const { exitCode, lastLine } = await environment.start(cell.command, words, directory, environment.signal);
    const seconds = record.seconds + (environment.clock() - started) / 1000;
    const status = environment.signal.aborted && exitCode !== 0 ? 'interrupted' : statusOf(exitCode);
    const failure = status === 'done' ? null : lastLine;
    if (status === 'failed' && this.candidates(cell).length > 1) return this.fallBack(cell, { seconds, failure });
    await this.end(cell, {
      status,
      exitCode,
      seconds,
      failure,
      runs: runsBelow(directory).map((run) => path.relative(this.plan.tree, run)),
    });
  }

  /** What was best in a search may fail where the budget is larger: then the next best is taken, and the failed run kept beside. */
  private async fallBack(cell: Cell, { seconds, failure }: Pick<CellRecord, 'seconds' | 'failure'>): Promise<void> {
    const { over } = cell.best!;
    const value = this.bindings(cell)[over]!;
    const record = this.records.get(cell.id)!;
    const directory = `${cell.id},${over}=${String(value)}`;
    rmSync(path.join(this.plan.tree, directory), { recursive: true, force: true });
    renameSync(path.join(this.plan.tree, cell.id), path.join(this.plan.tree, directory));
    const fellBack = [...record.fellBack, { value, failure, directory }];
    this.records.set(cell.id, { ...record, seconds, fellBack });
    this.environment.log(`${cell.id}: with the next best ${over}, since it failed with ${String(value)}: ${failure}`);
    return this.runCell(cell);
  }

  /** A cell that has to be done before, and is not. Of those that a best one is taken of, as a run that diverged, one is enough. */
  private missing({ needs, best }: Cell): string | undefined {
    const statusOf = (id: string) => this.records.get(id)!.status;
    const lost = (best?.among ?? []).flatMap(({ id }) => (statusOf(id) === 'failed' ? [id] : []));
    const spared = lost.length < (best?.among.length ?? 0) ? lost : [];
    return needs.find((id) => !FINISHED.includes(statusOf(id)) && !spared.includes(id));
  }

  private async end(cell: Cell, changes: Partial<CellRecord>): Promise<void> {
    const record = { ...this.records.get(cell.id)!, ...changes };
    this.records.set(cell.id, record);
    await this.save();
    const why = record.failure === null ? '' : `: ${record.failure}`;
    this.report(cell, `${record.status} in ${record.seconds.toFixed(1)} s${why}`);
  }

  private report({ id }: Cell, how: string): void {
    this.finished += 1;
    this.environment.log(`[${this.finished}/${this.asked}] ${id}: ${how}`);
  }

  private bindings(cell: Cell): Bindings {
    const { sweep, tree } = this.plan;
    const results: Record<string, string> = {};
    if (cell.after !== null) {
      const [run] = this.records.get(cell.after)!.runs;
      const directory = path.join(tree, run ?? cell.after);
      Object.assign(results, { directory, checkpoint: path.join(directory, 'final') });
    }
    const grid = bindingsOf({ ...cell.grid, ...this.best(cell) });
    return { ...sweep.variables, ...filledBindings(grid, sweep.variables), ...results };
  }

  private best(cell: Cell): Cell['grid'] {
    return cell.best === null ? {} : { [cell.best.over]: this.candidates(cell)[0]!.value };
  }

  /** Those that a best one is taken of, the lowest validation loss first: what has ended well, and what this cell did not fail with. */
  private candidates({ id, best }: Cell) {
    const failed = this.records.get(id)!.fellBack.map(({ value }) => value);
    const lossOf = ({ id }: { id: string }) =>
      this.environment.validationLoss(path.join(this.plan.tree, this.records.get(id)!.runs[0]!));
    return (best?.among ?? [])
      .filter(({ id, value }) => FINISHED.includes(this.records.get(id)!.status) && !failed.includes(nameOf(value)))
      .map((candidate) => ({ ...candidate, loss: lossOf(candidate) }))
      .toSorted((a, b) => a.loss - b.loss);
  }
}

const nameOf = (value: GridValue) => (typeof value === 'object' ? value.name : value);

function pending({ id, step, command, grid }: Cell): CellRecord {
  const values = { ...bindingsOf(grid) };
  const nothing = { arguments: null, exitCode: null, seconds: 0, failure: null, runs: [], fellBack: [], build: null };
  return { id, step, command, values, status: 'pending', ...nothing };
}

/** How far a cell of an earlier start is. One that failed in the end begins with the best value again. */
function withFate(record: CellRecord | undefined): Partial<CellRecord> {
  if (record === undefined) return {};
  const { status, arguments: argv, exitCode, seconds, failure, runs, build } = record;
  const fellBack = status === 'failed' ? [] : record.fellBack;
  return { status, arguments: argv, exitCode, seconds, failure, runs, fellBack, build };
}

function statusOf(exitCode: number): CellRecord['status'] {
  if (exitCode === 0) return 'done';
  if (exitCode === 5) return 'partial';
  return exitCode === 130 || exitCode === 143 ? 'interrupted' : 'failed';
}

/** Directories with a run.json. Links are not followed: `latest` would show a run twice. */
function runsBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { withFileTypes: true });
  if (entries.some(({ name }) => name === 'run.json')) return [directory];
  return entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => runsBelow(path.join(directory, name)));
}

function isComplete(run: string): boolean {
  const { status } = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as { status?: unknown };
  return status === 'complete';
}
