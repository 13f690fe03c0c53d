// Names of benchmarks and of perplexity runs in tables and charts: the model's, and what tells it from another run of that model.

/** What both have. */
export interface LabelledRun {
  readonly runId: string;
  readonly model: { readonly label: string };
  readonly engine: {
    readonly backend: string;
    readonly dtype: string;
    readonly device: string;
    readonly blas: string | null;
  };
  readonly settings: { readonly seed: number };
  readonly build: { readonly revision: string };
}

export function runLabels(runs: readonly LabelledRun[]): string[] {
  return runs.map(({ model, engine, settings, build, runId }) => {
    const others = runs.filter((run) => run.model.label === model.label && run.runId !== runId);
    const differs = (of: (run: LabelledRun) => string, own: string) =>
      others.some((run) => of(run) !== own) ? [own] : [];
    const marks = [
      ...differs((run) => run.engine.backend, engine.backend),
      ...differs((run) => run.engine.dtype, engine.dtype),
      ...differs((run) => run.engine.device, engine.device),
      ...differs((run) => run.engine.blas ?? '', engine.blas ?? ''),
      ...differs((run) => `seed ${run.settings.seed}`, `seed ${settings.seed}`),
      ...differs((run) => `by ${revisionOf(run)}`, `by ${revisionOf({ build })}`),
    ];
    const told = others.every((run) => identity(run) !== identity({ runId, model, engine, settings, build }));
    return [model.label, ...marks, ...(told ? [] : [`(${runId})`])].join(' ');
  });
}

function revisionOf({ build }: Pick<LabelledRun, 'build'>): string {
  return build.revision.slice(0, 7);
}

function identity({ engine, settings, build }: LabelledRun): string {
  return JSON.stringify([
    engine.backend,
    engine.dtype,
    engine.device,
    engine.blas,
    settings.seed,
    revisionOf({ build }),
  ]);
}
