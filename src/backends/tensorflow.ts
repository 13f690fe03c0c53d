// The optional CUDA engine: @tensorflow/tfjs-node-gpu, or tfjs-node, when the user has installed one of them.
import { createRequire } from 'node:module';
import * as tf from '#tfjs';
import { UserError } from '../user-error.js';
import { unguarded, type EngineOptions, type StartedBackend } from './engine.js';

const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

export const TENSORFLOW_RECIPE =
  'npm install @tensorflow/tfjs-node-gpu@4.22.0 (Linux x64, Node 20 or 22, CUDA 11.2 with cuDNN 8.1; @tensorflow/tfjs-node@4.22.0 without a GPU), ' +
  'and where npm blocks install scripts: npm install-scripts approve @tensorflow/tfjs-node-gpu && npm rebuild @tensorflow/tfjs-node-gpu';

/** A package that is not installed, or installed without its native part, is the same to the user: the engine is absent. */
export async function startTensorflow({ importer }: Required<EngineOptions>): Promise<StartedBackend> {
  restoreRemovedNodeFunctions();
  const reasons: string[] = [];
  for (const name of PACKAGES) {
    try {
      // It registers its backend in the registry that all copies of tfjs-core share through globalThis.
      await importer(name);
    } catch (error) {
      reasons.push(isMissing(error) ? `no ${name}` : `${name}: ${firstLine(error)}`);
      continue;
    }
    if (tf.findBackendFactory('tensorflow') !== null)
      return {
        backend: 'tensorflow',
        device: `libtensorflow (${name})`,
        software: false,
        batchTokens: 16384,
        guard: unguarded,
        memoryLimit: null,
      };
    reasons.push(`${name}: registered no backend`);
  }
  throw new UserError('device', `backend tensorflow is not there (${reasons.join('; ')})`, {
    hint: TENSORFLOW_RECIPE,
  });
}

/** tfjs-node 4.22.0 calls two functions that Node 23 removed from node:util. */
function restoreRemovedNodeFunctions(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
