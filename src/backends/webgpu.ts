// The GPU engine: tfjs-backend-webgpu on an own Dawn device (npm `webgpu`) with every limit and feature of the adapter.
import * as tf from '#tfjs';
import { UserError } from '../user-error.js';
import { DeviceBackend } from './device-backend.js';
import type { EngineOptions, StartedBackend } from './engine.js';
import { OutOfMemoryError } from './out-of-memory.js';

/**
 * Dawn toggles: unreleased features (subgroup matrices), f16 on NVIDIA, which Dawn holds back by default, and no clamping of every
 * index, which costs a fifth of a matrix product: our kernels, and TensorFlow.js's, stay inside their buffers. New buffers are not
 * cleared either: each is written before it is read.
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
  if (adapter === null)
    throw new UserError('device', 'no GPU adapter: Vulkan has no loader or no driver here', {
      hint: 'install libvulkan1 and the driver; in a container pass the graphics capability; for a software GPU set VK_ICD_FILENAMES',
    });
  return adapter;
}

export async function startWebgpu({ importer }: Required<EngineOptions>): Promise<StartedBackend> {
  const adapter = await requestAdapter(importer);
  const device = await adapter.requestDevice({
    requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new DeviceBackend(device, adapter.info), 3);
  return {
    backend: 'webgpu',
    device: describeAdapter(adapter.info),
    software: isSoftware(adapter.info),
    memoryLimit: null,
    batchTokens: 16384,
    guard: (body) => guardMemory(device, body),
  };
}

/** A buffer that the device cannot make shows as an error of the scope, or as one that is larger than the limits. */
async function guardMemory<T>(device: GPUDevice, body: () => Promise<T>): Promise<T> {
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  const outcome = await body().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const invalid = await device.popErrorScope();
  const outOfMemory = await device.popErrorScope();
  if (outOfMemory !== null) throw new OutOfMemoryError(outOfMemory.message);
  if (invalid !== null && /max(imum)? (buffer|.*binding) size|exceeds/i.test(invalid.message))
    throw new OutOfMemoryError(invalid.message);
  if ('error' in outcome) throw outcome.error;
  if (invalid !== null) throw new Error(invalid.message);
  return outcome.value;
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
