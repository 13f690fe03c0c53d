// The CPU engine that is always there: tfjs-backend-wasm with our kernels where its own are missing or slow.
import path from 'node:path';
import * as tf from '#tfjs';
import { packageRoot } from '../package-root.js';
import { cpuModel } from './cpu.js';
import { unguarded, type StartedBackend } from './engine.js';
import { loadOpenBlas, type OpenBlas } from './openblas.js';

/**
 * The wasm heap ends at 4 GiB, and an allocation beyond it aborts the module for good, so the need is bounded before.
 * A quarter is left to fragmentation.
 */
const HEAP_LIMIT = 3 * 2 ** 30;

let openBlas: OpenBlas | null = null;

/** What multiplies the engine's matrices in place of XNNPACK, where there is one. */
export function loadedOpenBlas(): OpenBlas | null {
  return openBlas;
}

export async function startWasm(): Promise<StartedBackend> {
  openBlas = await loadOpenBlas(process.env.SWAT_EVAL_BLAS);
  tf.setWasmPaths(path.join(packageRoot, 'dist', 'vendor') + path.sep);
  return {
    backend: 'wasm',
    device: cpuModel(),
    blas: openBlas?.description ?? 'XNNPACK (1 thread)',
    software: false,
    batchTokens: 4096,
    guard: unguarded,
    memoryLimit: HEAP_LIMIT,
  };
}
