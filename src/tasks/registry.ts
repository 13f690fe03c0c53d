// Which benchmarks there are, and what a name on the command line stands for. A task is loaded when it is asked for.
import { closest } from '../did-you-mean.js';
import { UserError } from '../user-error.js';
import type { Task } from './task.js';

/** The embedded suite: the paper's benchmarks in the same order, then recall at set distances. */
const miniTasks = [
  'mini_wikitext',
  'mini_lambada',
  'mini_piqa',
  'mini_hellaswag',
  'mini_winogrande',
  'mini_arc_easy',
  'mini_arc_challenge',
  'mini_social_iqa',
  'mini_boolq',
];
const needles = [32, 64, 128, 256, 512, 1024, 2048, 4096].map((distance) => `mini_needle_${distance}`);
const mqars = [
  'mini_mqar_4x6',
  ...[4, 8, 16].flatMap((pairs) => [32, 128, 512, 2048].map((distance) => `mini_mqar_${pairs}x${distance}`)),
];

/** In the order of the paper's columns, then the embedded suite. */
const loaders: Record<string, () => Promise<{ default: Task }>> = {
  wikitext: () => import('../../tasks/wikitext/task.js'),
  lambada_openai: () => import('../../tasks/lambada_openai/task.js'),
  lambada_standard: () => import('../../tasks/lambada_standard/task.js'),
  piqa: () => import('../../tasks/piqa/task.js'),
  hellaswag: () => import('../../tasks/hellaswag/task.js'),
  winogrande: () => import('../../tasks/winogrande/task.js'),
  arc_easy: () => import('../../tasks/arc_easy/task.js'),
  arc_challenge: () => import('../../tasks/arc_challenge/task.js'),
  social_iqa: () => import('../../tasks/social_iqa/task.js'),
  boolq: () => import('../../tasks/boolq/task.js'),
  ...fromModule(miniTasks, () => import('../../tasks/mini/tasks.js')),
  ...fromModule([...needles, ...mqars], () => import('../../tasks/mini/recall-tasks.js')),
};

const commonsense = [
  'lambada_openai',
  'piqa',
  'hellaswag',
  'winogrande',
  'arc_easy',
  'arc_challenge',
  'social_iqa',
  'boolq',
];

export interface TaskGroup {
  readonly name: string;
  readonly description: string;
  /** Names of tasks, in the order of the columns. */
  readonly tasks: readonly string[];
}

export const taskGroups: readonly TaskGroup[] = [
  { name: 'commonsense', description: 'the eight tasks that the SWAT paper averages', tasks: commonsense },
  { name: 'paper', description: "every column of the SWAT paper's Table 1", tasks: ['wikitext', ...commonsense] },
  {
    name: 'mini',
    description: "the embedded suite: the paper's columns about a small world, and recall at set distances",
    tasks: [...miniTasks, ...needles, ...mqars],
  },
  {
    name: 'mini_commonsense',
    description: 'the eight of the embedded suite that are averaged',
    tasks: miniTasks.slice(1),
  },
  { name: 'mini_needle', description: 'a needle in filler, by distance', tasks: needles },
  { name: 'mini_mqar', description: 'multi-query associative recall, by number of pairs and distance', tasks: mqars },
];

/** Every task, in the order of the paper's columns, then the embedded suite. */
export async function listTasks(): Promise<Task[]> {
  return Promise.all(Object.keys(loaders).map(loadTask));
}

/**
 * The tasks that names stand for, each once, in the order of their first mention. A name is a task, an alias, a group or a
 * pattern over task names (`arc_*`); one string may hold several, between commas.
 * @throws UserError 'usage' for a name that stands for nothing.
 */
export async function resolveTasks(names: readonly string[]): Promise<Task[]> {
  const wanted = names.flatMap((name) => name.split(',')).map((name) => name.trim());
  const resolved = new Set<string>();
  for (const name of wanted.filter((name) => name !== '')) for (const task of await taskNames(name)) resolved.add(task);
  if (resolved.size === 0) throw unknownTask('no task is named', null);
  return Promise.all([...resolved].map(loadTask));
}

async function taskNames(name: string): Promise<readonly string[]> {
  if (Object.hasOwn(loaders, name)) return [name];
  const group = taskGroups.find((group) => group.name === name);
  if (group !== undefined) return group.tasks;
  if (/[*?]/.test(name)) {
    const matches = Object.keys(loaders).filter((task) => matchesPattern(task, name));
    if (matches.length === 0) throw unknownTask(`no task matches "${name}"`, null);
    return matches;
  }
  const tasks = await listTasks();
  const aliased = tasks.find((task) => task.aliases.includes(name));
  if (aliased !== undefined) return [aliased.name];
  const known = [...tasks.flatMap((task) => [task.name, ...task.aliases]), ...taskGroups.map((group) => group.name)];
  throw unknownTask(`unknown task "${name}"`, closest(name, known));
}

/** Tasks of a module that holds several. */
function fromModule(names: readonly string[], load: () => Promise<{ tasks: readonly Task[] }>): typeof loaders {
  return Object.fromEntries(
    names.map((name) => [name, async () => ({ default: (await load()).tasks.find((task) => task.name === name)! })]),
  );
}

async function loadTask(name: string): Promise<Task> {
  return (await loaders[name]!()).default;
}

/** As a shell matches file names: `*` is any text, `?` any character. */
function matchesPattern(name: string, pattern: string): boolean {
  const source = pattern
    .replace(/[^*?\w]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}

function unknownTask(what: string, meant: string | null): UserError {
  const question = meant === null ? '' : `; did you mean "${meant}"?`;
  return new UserError('usage', what + question, { hint: 'swat-eval ls tasks' });
}
