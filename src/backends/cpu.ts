// The reference engine: tfjs-backend-cpu, plain JavaScript, slow and exact.
import os from 'node:os';
import { unguarded, type StartedBackend } from './engine.js';

export async function startCpu(): Promise<StartedBackend> {
  return {
    backend: 'cpu',
    device: cpuModel(),
    software: false,
    batchTokens: 1024,
    guard: unguarded,
    memoryLimit: Math.floor(os.totalmem() / 2),
  };
}

export function cpuModel(): string {
  return os.cpus()[0]?.model.trim() ?? 'unknown CPU';
}
