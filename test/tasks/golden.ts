// Vectors that lm-evaluation-harness 4e7e0d47 produced itself (test/fixtures/lm_eval_golden.json), as far as tasks go.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../src/package-root.js';

interface TextCase {
  input: string;
  output: string;
}

export interface TasksGolden {
  hellaswag_preprocess: TextCase[];
  capitalize: TextCase[];
  hellaswag_doc: {
    doc: Record<string, unknown>;
    out: { query: string; choices: string[]; gold: number };
  };
  winogrande: { doc: Record<string, unknown>; gold: number; target: string; contexts: string[] };
  wikitext: { page: string; text: string; words: number; bytes: number }[];
  /** Rendered templates; the vectors name what was rendered, the rows are in the tests. */
  jinja: { t: string; out: string }[];
}

export const golden = JSON.parse(
  readFileSync(path.join(packageRoot, 'test', 'fixtures', 'lm_eval_golden.json'), 'utf8'),
) as TasksGolden;
