// Runs the built command line as a user would.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { packageRoot } from '../../src/package-root.js';

export const mainFile = path.join(packageRoot, 'dist', 'src', 'cli', 'main.js');

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `swat-eval ARGV`; its stdin is empty, its environment this one's with `environment` on top. */
export function swatEval(argv: readonly string[], environment: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [mainFile, ...argv], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output }));
  });
}
