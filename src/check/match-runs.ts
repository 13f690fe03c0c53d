// Which run stands for which model of the reference, and whether both were asked the same: numbers of other data or prompts
// say nothing about a model.
import type { RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import type { SampledRun } from '../report/read-samples.js';
import { UserError } from '../user-error.js';
import type { Reference } from './reference.js';

export interface MatchedRun {
  readonly reference: SampledRun;
  readonly run: SampledRun;
}

/**
 * A run for each model of the reference: by its name on the command line, else by its name in tables, else, where there is one
 * model and one run, whatever its name.
 * @param absent names of models that may lack a run.
 * @throws UserError 'data' for a model without a run, and for a run of another plan; 'usage' for a model with several runs.
 */
export function matchRuns(
  { runs: references }: Reference,
  runs: readonly SampledRun[],
  absent: ReadonlySet<string> = new Set(),
): MatchedRun[] {
  return references.flatMap((reference) => {
    const { spec, label } = reference.summary.model;
    if (absent.has(spec)) return [];
    const run =
      theOne(runs, spec, ({ summary }) => summary.model.spec === spec) ??
      theOne(runs, label, ({ summary }) => summary.model.label === label) ??
      (references.length === 1 && runs.length === 1 ? runs[0]! : null);
    if (run === null)
      throw new UserError('data', `the reference has ${spec}, and no run is of it`, {
        where: reference.where,
        hint: 'runs of all its models, or --update for a reference of the runs that there are',
      });
    checkSameQuestions(reference.summary, run);
    return [{ reference, run }];
  });
}

function theOne(runs: readonly SampledRun[], name: string, of: (run: SampledRun) => boolean): SampledRun | null {
  const [first, second] = runs.filter(of);
  if (second !== undefined)
    throw new UserError('usage', `several runs are of ${name}`, {
      where: `${first!.where}, ${second.where}`,
      hint: 'the directory of the one that is to be checked',
    });
  return first ?? null;
}

/** @throws UserError 'data' that names what differs. */
function checkSameQuestions(reference: RunSummary, { where, summary }: SampledRun): void {
  const differs = (what: string, now: string | number, then: string | number) =>
    new UserError('data', `the run has ${what} ${now}, the reference ${then}: they cannot be compared`, {
      where,
      hint: 'a run by the plan of the reference: check without RUN; or --update',
    });
  if (summary.bosPolicy !== reference.bosPolicy) throw differs('--bos', summary.bosPolicy, reference.bosPolicy);
  if (summary.model.maxLength !== reference.model.maxLength)
    throw differs('a longest input of', summary.model.maxLength, reference.model.maxLength);
  for (const then of reference.tasks) {
    const now = summary.tasks.find(({ task }) => task === then.task);
    if (now === undefined)
      throw new UserError('data', `the reference has ${then.task}, and the run does not`, { where });
    if (now.version !== then.version) throw differs(`${then.task} version`, now.version, then.version);
    if (now.dataDigest !== then.dataDigest)
      throw differs(`${then.task} data or prompts`, now.dataDigest.slice(0, 12), then.dataDigest.slice(0, 12));
    checkDocuments(then, now, where);
    const lacking = then.metrics.find(({ name }) => now.documents > 0 && !now.metrics.some((own) => own.name === name));
    if (lacking !== undefined)
      throw new UserError('data', `the reference has ${then.task} ${lacking.name}, and the run does not`, {
        where,
        hint: `--metric ${lacking.name}`,
      });
  }
}

/** Documents that the run could not score are a finding; those that it was not to score make it another run. */
function checkDocuments(then: TaskSummary, now: TaskSummary, where: string): void {
  const asked = now.documents + now.skipped;
  if (asked < then.documents)
    throw new UserError(
      'data',
      `the run was asked ${asked} of the reference's ${then.documents} documents of ${then.task}`,
      {
        where,
        hint: 'a run without --limit, or with one as large as that of the reference',
      },
    );
}
