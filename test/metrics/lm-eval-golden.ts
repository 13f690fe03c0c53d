// Vectors that lm-evaluation-harness 4e7e0d47 produced itself (test/fixtures/lm_eval_golden.json), as far as metrics go.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../src/package-root.js';

export interface LmEvalGolden {
  stderr: { acc: number[]; mean: number; stderr: number };
  bootstrap_ppl: { ll: number[]; ppl: number; iters: number; stderr: number };
  pooled: { stderrs: number[]; sizes: number[]; out: number };
  mt19937: { seed: number; random: number[]; choices10: number[] }[];
  len_codepoints: { s: string; codepoints: number; utf8: number }[];
}

export const golden = JSON.parse(
  readFileSync(path.join(packageRoot, 'test', 'fixtures', 'lm_eval_golden.json'), 'utf8'),
) as LmEvalGolden;
