// A task of the embedded suite: the definition of a real benchmark (prompt, gold answer, metrics, columns) on rows of the small
// world.
import { defineTask, type TaskDefinition } from '../../src/tasks/define-task.js';
import type { GeneratedDataset, Task } from '../../src/tasks/task.js';
import { Random } from './random.js';
import type { DrawRow } from './rows.js';

const SEED = 1;

interface TestRows {
  /** Number of rows. */
  readonly rows: number;
  readonly digest: string;
  /** Positions of the right answer: each is right equally often among the first rows of any number. */
  readonly positions: number;
  readonly draw: DrawRow;
}

/** Rows of the test side, no two of them alike: the k-th is drawn from its own random stream. */
export function testRows(name: string, { rows, digest, positions, draw }: TestRows): GeneratedDataset {
  function* generate() {
    const drawn = new Set<string>();
    for (let k = 0; drawn.size < rows; k++) {
      const row = draw(new Random(SEED, `${name} row ${k}`), 'validation', drawn.size % positions);
      const content = JSON.stringify(row);
      if (drawn.has(content)) continue;
      drawn.add(content);
      yield row;
    }
  }
  return { generator: `tasks/mini, seed ${SEED}`, generate, split: 'test', rows, digest };
}

export interface MiniTask extends TestRows {
  readonly name: string;
  readonly description: string;
}

export function miniOf<Row>(definition: TaskDefinition<Row>, mini: MiniTask): Task {
  const { name, description } = mini;
  return defineTask({
    ...definition,
    name,
    aliases: [],
    description,
    dataset: testRows(name, mini),
    paperColumns: (definition.paperColumns ?? []).map((column) => ({ ...column, suite: 'mini' as const })),
  });
}
