// The CPU engine that is always there: tfjs-backend-wasm with our kernels where its own are missing or slow.
import path from 'node:path';
import * as tf from '#tfjs';
import { packageRoot } from '../package-root.js';
import { cpuModel } from './cpu.js';
import { unguarded, type StartedBackend } from './engine.js';

/**
 * The wasm heap ends at 4 GiB, and an allocation beyond it aborts the module for good, so the need is bounded before.
 * A quarter is left to fragmentation.
 */
const HEAP_LIMIT = 3 * 2 ** 30;

export async function startWasm(): Promise<StartedBackend> {
  tf.setWasmPaths(path.join(packageRoot, 'dist', 'vendor') + path.sep);
  return {
    backend: 'wasm',
    device: cpuModel(),
    software: false,
    batchTokens: 4096,
    guard: unguarded,
    memoryLimit: HEAP_LIMIT,
  };
}
