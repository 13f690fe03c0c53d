// Chooses and starts the tensor engine. A named backend that is absent is an error, never a fall-back; `auto` says what it took and why.
import * as tf from '#tfjs';
import { UserError } from '../user-error.js';
import { startCpu } from './cpu.js';
import { startTensorflow } from './tensorflow.js';
import { startWasm } from './wasm.js';
import { startWebgpu } from './webgpu.js';

export type BackendName = 'webgpu' | 'tensorflow' | 'wasm' | 'cpu';
export const BACKEND_NAMES: readonly BackendName[] = ['webgpu', 'tensorflow', 'wasm', 'cpu'];

export interface Engine {
  readonly backend: BackendName;
  /** The device in words: adapter or CPU model. */
  readonly device: string;
  /** The library that multiplies matrices, where there is a choice of it. */
  readonly blas?: string;
  /** True for a GPU that is emulated on the CPU (SwiftShader, llvmpipe). */
  readonly software: boolean;
  /** Bytes that tensors may take, null where only the device itself knows. */
  readonly memoryLimit: number | null;
  /** Tokens in a batch from which on a larger one is no faster. */
  readonly batchTokens: number;
  /** Runs a computation. @throws OutOfMemoryError where the device had no room for it; the engine lives on. */
  readonly guard: <T>(body: () => Promise<T>) => Promise<T>;
  /** Makes this engine the one that tensor operations run on. */
  use(): void;
}

/** What a backend gives when it starts; `use` is the same for all. */
export type StartedBackend = Omit<Engine, 'use'>;

export interface EngineOptions {
  /** Told in one sentence what was chosen, and when a GPU is a software one. */
  readonly log?: (sentence: string) => void;
  /** Loads an optional package by name; tests pass a fake. */
  readonly importer?: (name: string) => Promise<unknown>;
}

/** For engines that say nothing about memory while they compute. */
export const unguarded = <T>(body: () => Promise<T>): Promise<T> => body();

const starters: Record<BackendName, (options: Required<EngineOptions>) => Promise<StartedBackend>> = {
  webgpu: startWebgpu,
  tensorflow: startTensorflow,
  wasm: startWasm,
  cpu: startCpu,
};

/**
 * Starts a backend once; later calls give the running one.
 * @throws UserError 'device' when the named backend cannot start, saying what is missing.
 */
export async function startEngine(name: BackendName | 'auto', options: EngineOptions = {}): Promise<Engine> {
  const filled = { log: () => {}, importer: (module: string) => import(module) as Promise<unknown>, ...options };
  return name === 'auto' ? startAutomatically(filled) : start(name, filled);
}

const running = new Map<BackendName, Promise<Engine>>();

function start(name: BackendName, options: Required<EngineOptions>): Promise<Engine> {
  let engine = running.get(name);
  if (engine === undefined) {
    engine = inTurn(() => begin(name, options));
    running.set(name, engine);
    engine.catch(() => running.delete(name));
  }
  return engine;
}

let lastStart: Promise<unknown> = Promise.resolve();

/** One start after the other: TensorFlow.js has one backend at a time, and gives up on one when it is told of the next. */
function inTurn<T>(body: () => Promise<T>): Promise<T> {
  const turn = lastStart.then(body);
  lastStart = turn.catch(() => {});
  return turn;
}

async function begin(name: BackendName, options: Required<EngineOptions>): Promise<Engine> {
  tf.enableProdMode();
  const backend = await starters[name](options);
  const started = await tf.setBackend(name);
  // Meanwhile another engine that runs already may have been used.
  if (started) void tf.setBackend(name);
  if (!started || tf.getBackend() !== name)
    throw new UserError('device', `backend ${name} did not start`, { hint: 'swat-eval ls backends' });
  if (name === 'webgpu' && backend.software)
    options.log(`webgpu runs on a software adapter (${backend.device}): right, but slow`);
  return { ...backend, use: () => void tf.setBackend(name) };
}

/** A real GPU through webgpu, else the tensorflow package, else wasm. */
async function startAutomatically(options: Required<EngineOptions>): Promise<Engine> {
  const reasons: string[] = [];
  for (const name of ['webgpu', 'tensorflow', 'wasm'] as const) {
    try {
      const engine = await start(name, { ...options, log: () => {} });
      if (name === 'webgpu' && engine.software) {
        reasons.push(`webgpu has only a software adapter (${engine.device})`);
        continue;
      }
      options.log(`backend ${name} (${engine.device})${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`);
      engine.use();
      return engine;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new UserError('device', `no backend starts: ${reasons.join('; ')}`, { hint: 'swat-eval ls backends' });
}
