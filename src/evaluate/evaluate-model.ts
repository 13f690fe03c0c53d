// One model over its plan: what the journal lacks is scored, then everything is summed up.
import path from 'node:path';
import { openJournal, piecesOf, readJournal } from './journal.js';
import type { BatchOutcomes, PieceOutcome } from './journal.js';
import type { ModelSource } from './model-source.js';
import type { Piece, Plan } from './plan.js';
import { JOURNAL_FILE } from './run-directory.js';
import { readRunRecord, writeRunRecord } from './run-record.js';
import type { RunRecord } from './run-record.js';
import type { RunSettings } from './run-settings.js';
import type { RunObservation, RunSummary } from './run-summary.js';
import { checkSameModel } from './same-run.js';
import { cutSchedule, fedTokens, formatBatchSize, recordSchedule, restoreSchedule, savedTokens } from './schedule.js';
import type { Batch, Schedule } from './schedule.js';
import { scoreBatches } from './score-batches.js';
import type { ScoringContext } from './score-batches.js';
import type { Scorer } from './scorer.js';
import { summarizeTask } from './summarize-task.js';
import type { Sample, TokenCounts } from './summarize-task.js';

/** A model, its plan, and the run directory (with its run.json) that the results go to. */
export interface PlannedRun {
  readonly directory: string;
  readonly source: ModelSource;
  readonly plan: Plan;
}

/** A finished run, as the report writers take it. */
export interface RunResult {
  readonly summary: RunSummary;
  readonly settings: RunSettings;
  /** Scored documents by task, in the order of `summary.tasks`. */
  readonly samples: readonly (readonly Sample[])[];
  /** One sentence for every request without a score. */
  readonly failures: readonly string[];
}

/**
 * Scores what the journal of the run does not hold yet; the model is loaded only if there is anything.
 * @returns null when the signal aborted before the end.
 * @throws UserError 'data' when the journal is another plan's, or the model another one than the journal's.
 */
export async function evaluateModel(
  run: PlannedRun,
  context: Pick<ScoringContext, 'progress' | 'clock' | 'signal'>,
): Promise<RunResult | null> {
  const { directory, plan, source } = run;
  const record = readRunRecord(directory);
  const file = path.join(directory, JOURNAL_FILE);
  const begun = record.loaded && restoreSchedule(plan, record.settings, record.loaded.schedule, directory);
  const content = begun === null ? { batches: [], bytes: 0 } : readJournal(file, begun.batches);
  if (begun !== null && content.batches.length === begun.batches.length)
    return resultOf(plan, record, begun, content.batches);

  const model = await source.load();
  try {
    const now = { model: model.description, engine: model.engine };
    if (record.loaded !== null) checkSameModel(record.loaded, now, directory);
    const schedule = begun ?? cutSchedule(plan, record.settings, model.scorer.tokenBudget);
    const before = record.loaded?.observed ?? null;
    const recordWith = (observed: RunObservation | null) => ({
      ...record,
      loaded: { ...now, schedule: recordSchedule(schedule), observed },
    });
    await writeRunRecord(directory, recordWith(before));
    const journal = openJournal(file, content.bytes);
    let written = before;
    const keepObserved = async () => {
      const observed = bothObserved(before, model.observed());
      if (!saysMore(observed, written)) return;
      await writeRunRecord(directory, recordWith(observed));
      written = observed;
    };
    try {
      const scorer = observedFirst(model.scorer, keepObserved);
      const scoring = { ...context, scorer, journal };
      const scored = await scoreRest(model.description.label, schedule, content.batches.length, scoring);
      const done = [...content.batches, ...scored];
      const finished = recordWith(bothObserved(before, model.observed()));
      return done.length < schedule.batches.length ? null : resultOf(plan, finished, schedule, done);
    } finally {
      journal.close();
      await writeRunRecord(directory, recordWith(bothObserved(before, model.observed())));
    }
  } finally {
    model.dispose();
  }
}

/** What a batch showed is written down before its scores are, so that a kill cannot part the two. */
function observedFirst(scorer: Scorer, keep: () => Promise<void>): Scorer {
  return {
    ...scorer,
    async score(batch) {
      const scores = await scorer.score(batch);
      await keep();
      return scores;
    },
  };
}

/** Whether `now` has anything that lasts and `written` lacks; what is held changes with every batch, and only the last counts. */
function saysMore(now: RunObservation | null, written: RunObservation | null): boolean {
  if (now === null || written === null) return now !== null;
  const [a, b] = [now.memory, written.memory];
  return (
    now.kernels !== written.kernels ||
    a.scorePeakBytes > b.scorePeakBytes ||
    a.loadPeakBytes > b.loadPeakBytes ||
    a.stateBytes > b.stateBytes
  );
}

/** Of the parts of a run before and after it was resumed. */
function bothObserved(before: RunObservation | null, now: RunObservation | null): RunObservation | null {
  if (before === null || now === null) return now ?? before;
  const [a, b] = [before.memory, now.memory];
  return {
    kernels: before.kernels === 'fused' ? now.kernels : 'composite',
    memory: {
      weightsBytes: b.weightsBytes,
      loadPeakBytes: Math.max(a.loadPeakBytes, b.loadPeakBytes),
      scorePeakBytes: Math.max(a.scorePeakBytes, b.scorePeakBytes),
      heldBytes: b.heldBytes,
      stateBytes: Math.max(a.stateBytes, b.stateBytes),
    },
  };
}

async function scoreRest(
  label: string,
  { batches }: Schedule,
  first: number,
  context: ScoringContext,
): Promise<BatchOutcomes[]> {
  const tokens = batches.slice(first).reduce((sum, batch) => sum + fedTokens(batch), 0);
  context.progress.start(label, tokens);
  try {
    return await scoreBatches(batches, first, context);
  } finally {
    context.progress.finish();
  }
}

function resultOf(
  plan: Plan,
  { runId, created, build, settings, loaded }: RunRecord,
  { batches }: Schedule,
  done: readonly BatchOutcomes[],
): RunResult {
  const outcomes = new Map<Piece, PieceOutcome>();
  for (const [index, batch] of batches.entries())
    piecesOf(batch).forEach((piece, position) => outcomes.set(piece, done[index]![position]!));
  const tasks = plan.tasks.map((task) => summarizeTask(task, outcomes, tokensOf(task.task.name, batches), settings));
  const { model, engine, observed } = loaded!;
  return {
    summary: {
      runId,
      model,
      engine,
      observed,
      tasks: tasks.map(({ summary }) => summary),
      confidence: settings.confidence,
      bootstrapIterations: settings.bootstrapIterations,
      limit: settings.limit,
      batchSize: formatBatchSize(settings.batchSize),
      seed: settings.seed,
      bosPolicy: settings.bos,
      date: created,
      savedTokens: tasks.reduce((sum, { summary }) => sum + summary.savedTokens, 0),
      seconds: tasks.reduce((sum, { summary }) => sum + summary.seconds, 0),
      build,
    },
    settings,
    samples: tasks.map(({ samples }) => samples),
    failures: tasks.flatMap(({ failures }) => failures),
  };
}

/** A row that pieces of several tasks share counts for the first of them. */
function tokensOf(task: string, batches: readonly Batch[]): TokenCounts {
  const own = batches.map(({ shared, groups }) => ({
    shared,
    groups: groups.filter(([row]) => row!.queries[0]!.task === task),
  }));
  return {
    input: own.reduce((sum, batch) => sum + fedTokens(batch), 0),
    saved: own.reduce((sum, batch) => sum + savedTokens(batch), 0),
  };
}
