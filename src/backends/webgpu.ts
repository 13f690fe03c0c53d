// The GPU engine: tfjs-backend-webgpu on an own Dawn device (npm `webgpu`) with every limit and feature of the adapter.
import { setTimeout } from 'node:timers/promises';
import * as tf from '#tfjs';
import { UserError } from '../user-error.js';
import { DeviceBackend } from './device-backend.js';
import type { EngineOptions, StartedBackend } from './engine.js';
import { missingForAdapter } from './missing-adapter.js';
import { OutOfMemoryError } from './out-of-memory.js';
import { lackingForTensorCores } from './tensor-cores.js';

/**
 * Dawn toggles: unreleased features (subgroup matrices), f16 on NVIDIA, which Dawn holds back by default, and no clamping of every
 * index, which costs a fifth of a matrix product: our kernels stay inside their buffers, and so do those of TensorFlow.js that we use;
 * its matrix product does not, and ours stands in for it. New buffers are not cleared either: each is written before it is read.
 */
export const TOGGLES = [
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,disable_robustness',
  'disable-dawn-features=lazy_clear_resource_on_first_use',
];
const FEATURES = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix', 'timestamp-query'];
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBuffersPerShaderStage',
] as const;

/** Milliseconds in which a loss that made a computation fail is heard of. */
const LOSS_DELAY = 200;

interface Dawn {
  create(options: string[]): GPU;
  globals: Record<string, unknown>;
}

/** Dawn dies when the object that `create` returned is collected, so it is held here. */
let dawn: GPU | undefined;

/** Finds the adapter. @throws UserError 'device' saying which part is missing. */
export async function requestAdapter(importer: Required<EngineOptions>['importer']): Promise<GPUAdapter> {
  if (dawn === undefined) {
    let module: Dawn;
    try {
      module = (await importer('webgpu')) as Dawn;
    } catch (cause) {
      throw new UserError('device', 'the npm package webgpu (Dawn) does not load here', {
        cause,
        hint: 'npm install webgpu',
      });
    }
    Object.assign(globalThis, module.globals);
    dawn = module.create(TOGGLES);
    // tfjs-backend-webgpu asks navigator.gpu whether there is a GPU. Node 20 has no navigator, later ones have one without gpu.
    Object.defineProperty(globalThis, 'navigator', {
      value: { ...globalThis.navigator, gpu: dawn },
      configurable: true,
    });
  }
  const adapter = await dawn.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (adapter === null) {
    const missing = missingForAdapter();
    throw new UserError('device', `no GPU adapter: ${missing.map(({ part }) => part).join('; ')}`, {
      hint: missing.map(({ remedy }) => remedy).join('; '),
    });
  }
  return adapter;
}

export async function startWebgpu({ importer }: Required<EngineOptions>): Promise<StartedBackend> {
  const adapter = await requestAdapter(importer);
  const device = await adapter.requestDevice({
    requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  const backend = new DeviceBackend(device, adapter.info);
  if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => backend, 3);
  const lost = device.lost.then(({ message }): never => {
    throw new UserError('device', `the GPU was lost: ${message.split('\n', 1)[0]}`);
  });
  lost.catch(() => {}); // whoever computes hears of it
  return {
    backend: 'webgpu',
    device: describeAdapter(adapter.info),
    software: isSoftware(adapter.info),
    memoryLimit: null,
    batchTokens: 16384,
    guard: (body) => guardLoss(lost, guardMemory(backend, body)),
  };
}

/** What a computation ends with, or the loss of the device: then it may fail in any way, before or after, or never end. */
async function guardLoss<T>(lost: Promise<never>, computation: Promise<T>): Promise<T> {
  try {
    return await Promise.race([lost, computation]);
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) await Promise.race([lost, setTimeout(LOSS_DELAY)]);
    throw error;
  }
}

/** A buffer that the device cannot make shows as an error of the scope, or as one that is larger than the limits. */
async function guardMemory<T>(backend: DeviceBackend, body: () => Promise<T>): Promise<T> {
  // A submission fails as a whole: what was recorded before is not to go with it.
  backend.flush();
  const { device, pool } = backend;
  const { peakBytes } = pool;
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  const outcome = await body().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  backend.flush();
  const invalid = await device.popErrorScope();
  const outOfMemory = await device.popErrorScope();
  const tooLarge = invalid !== null && /max(imum)? (buffer|.*binding) size|exceeds/i.test(invalid.message);
  if (outOfMemory !== null || tooLarge) {
    pool.peakBytes = peakBytes; // what could not be made was not held
    throw new OutOfMemoryError((outOfMemory ?? invalid)!.message);
  }
  if ('error' in outcome) throw outcome.error;
  if (invalid !== null) throw new Error(invalid.message);
  return outcome.value;
}

/** What the kernels use of an adapter, and why not more. */
export function describeFeatures({ features, info, limits }: GPUAdapter): Record<string, string> {
  const lacking = lackingForTensorCores(features, info);
  const size = (bytes: number) => (bytes < 2 ** 30 ? `${bytes / 2 ** 10} KiB` : `${(bytes / 2 ** 30).toFixed(0)} GiB`);
  return {
    'f16 products':
      lacking === null
        ? 'tensor cores, by subgroup matrices of 16 x 16 x 16, f16 into f32, in subgroups of 32'
        : `f32 kernels on weights in f16: ${lacking}`,
    'workgroup memory': `${size(limits.maxComputeWorkgroupStorageSize)}, ${limits.maxComputeInvocationsPerWorkgroup} invocations`,
    'largest buffer': `${size(limits.maxBufferSize)}, ${size(limits.maxStorageBufferBindingSize)} in one tensor`,
  };
}

export function describeAdapter(info: GPUAdapterInfo): string {
  return (
    info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ') || 'unknown adapter'
  );
}

export function isSoftware(info: GPUAdapterInfo): boolean {
  return /swiftshader|llvmpipe|lavapipe|warp/i.test(
    `${info.vendor} ${info.architecture} ${info.device} ${info.description}`,
  );
}
