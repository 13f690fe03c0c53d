// The cells of a sweep: every step multiplied out over its grid, and over the step that it follows.
import { sanitizeModelName } from '../evaluate/run-directory.js';
import { malformed, unknownName, type GridValue, type Scalar, type Sweep, type SweepCommand } from './sweep-file.js';
import type { SweepStep } from './sweep-file.js';
import { namesIn } from './template.js';

/** What names stand for in a cell's flags. */
export type Bindings = Readonly<Record<string, Scalar>>;

export interface Cell {
  /** `step/values`: its folder in the tree, and its key in the record. */
  readonly id: string;
  readonly step: string;
  readonly command: SweepCommand;
  /** Values of its grid by name. */
  readonly grid: Readonly<Record<string, GridValue>>;
  readonly flags: SweepStep['flags'];
  /** Cells that have to be done before. */
  readonly needs: readonly string[];
  /** The cell of the step that this one follows, whose results its flags name as `{checkpoint}`. */
  readonly after: string | null;
  /** Of which cells the best one's value is taken, and for which name. */
  readonly best: { readonly over: string; readonly among: readonly { id: string; value: GridValue }[] } | null;
}

/**
 * In the order of the file. A step is multiplied out in the order of its lists, the last one changing fastest.
 * @throws UserError 'data' for a step that follows none, two cells of one name, or a placeholder that stands for nothing
 */
export function cellsOf(sweep: Sweep, file: string): Cell[] {
  const bySteps = new Map<string, Cell[]>();
  for (const step of sweep.steps) {
    if (bySteps.has(step.name)) throw malformed(`two steps are called ${step.name}`, file);
    const cells = cellsOfStep(step, bySteps, file);
    const ids = new Set<string>();
    for (const { id } of cells) {
      if (ids.has(id))
        throw malformed(`step ${step.name} has two cells ${id}: give their values a name of their own`, file);
      ids.add(id);
    }
    for (const cell of cells) checkPlaceholders(cell, sweep, file);
    bySteps.set(step.name, cells);
  }
  return [...bySteps.values()].flat();
}

/** Names of the grid, flattened: a mapping's `name` goes by the grid's own name, its other entries behind a dot. */
export function bindingsOf(grid: Cell['grid']): Bindings {
  const bindings: Record<string, Scalar> = {};
  for (const [name, value] of Object.entries(grid)) {
    if (typeof value !== 'object') {
      bindings[name] = value;
      continue;
    }
    bindings[name] = value.name;
    for (const [key, entry] of Object.entries(value)) bindings[`${name}.${key}`] = entry;
  }
  return bindings;
}

/** What the results of a finished cell are called in the flags of the cells after it. */
export const RESULT_NAMES = ['checkpoint', 'directory'] as const;

function cellsOfStep(step: SweepStep, before: ReadonlyMap<string, readonly Cell[]>, file: string): Cell[] {
  const { name, command, flags } = step;
  return beginnings(step, before, file).flatMap((beginning) =>
    product(step.for).map((own) => {
      const grid = { ...beginning.grid, ...own };
      const named = beginning.best === null ? grid : withoutKey(grid, beginning.best.over);
      return { ...beginning, id: [name, slugOf(named)].filter(Boolean).join('/'), step: name, command, grid, flags };
    }),
  );
}

type Beginning = Pick<Cell, 'grid' | 'needs' | 'after' | 'best'>;

/** What a step has before its own grid: the cells it follows, or the groups it takes the best of. */
function beginnings(step: SweepStep, before: ReadonlyMap<string, readonly Cell[]>, file: string): Beginning[] {
  const { after, best } = step;
  const cellsNamed = (name: string): readonly Cell[] => {
    const cells = before.get(name);
    if (cells === undefined)
      throw malformed(`step ${step.name} follows ${name}, and no step before it is called so`, file);
    return cells;
  };
  if (after !== undefined && best !== undefined)
    throw malformed(`step ${step.name} has both \`after\` and \`best\``, file);
  if (after !== undefined)
    return after.flatMap(cellsNamed).map(({ id, grid }) => ({ grid, needs: [id], after: id, best: null }));
  if (best === undefined) return [{ grid: {}, needs: [], after: null, best: null }];

  const groups = new Map<string, Beginning & { best: NonNullable<Cell['best']> }>();
  for (const { id, grid } of cellsNamed(best.of)) {
    const value = grid[best.over];
    if (value === undefined)
      throw malformed(`step ${step.name} takes the best ${best.over}, and ${best.of} has none`, file);
    const others = withoutKey(grid, best.over);
    const key = slugOf(others);
    const group = groups.get(key) ?? { grid: others, needs: [], after: null, best: { over: best.over, among: [] } };
    groups.set(key, {
      ...group,
      needs: [...group.needs, id],
      best: { over: best.over, among: [...group.best.among, { id, value }] },
    });
  }
  return [...groups.values()];
}

function product(lists: Readonly<Record<string, readonly GridValue[]>>): Record<string, GridValue>[] {
  let grids: Record<string, GridValue>[] = [{}];
  for (const [name, values] of Object.entries(lists))
    grids = grids.flatMap((grid) => values.map((value) => ({ ...grid, [name]: value })));
  return grids;
}

/** Words by themselves, numbers and truth values with their names. */
function slugOf(grid: Cell['grid']): string {
  const parts = Object.entries(grid).map(([name, value]) => {
    if (typeof value === 'object') return value.name;
    return typeof value === 'string' ? value : `${name}=${value}`;
  });
  return sanitizeModelName(parts.join(','));
}

function checkPlaceholders(cell: Cell, { variables }: Sweep, file: string): void {
  const results = cell.after === null ? [] : RESULT_NAMES;
  const chosen = cell.best === null ? {} : { [cell.best.over]: cell.best.among[0]!.value };
  const known = [...Object.keys(variables), ...Object.keys(bindingsOf({ ...cell.grid, ...chosen })), ...results];
  for (const name of namesIn(cell.flags))
    if (!known.includes(name)) throw unknownName('placeholder', name, known, `${file}, step ${cell.step}`);
}

function withoutKey<T>(values: Readonly<Record<string, T>>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== key));
}
