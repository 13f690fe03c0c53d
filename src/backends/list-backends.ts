// What `ls backends` and `env` say: which engines start here, and why the others do not.
import { UserError } from '../user-error.js';
import { cpuModel } from './cpu.js';
import { startTensorflow } from './tensorflow.js';
import { startWasm } from './wasm.js';
import { describeAdapter, isSoftware, requestAdapter } from './webgpu.js';
import type { BackendName } from './engine.js';

export interface BackendReport {
  name: BackendName;
  available: boolean;
  /** The device where it is available, the missing part where it is not. */
  reason: string;
}

const importer = (name: string) => import(name) as Promise<unknown>;

export async function listBackends(): Promise<BackendReport[]> {
  return [
    await report('webgpu', async () => {
      const { info } = await requestAdapter(importer);
      return isSoftware(info) ? `${describeAdapter(info)}, a software adapter: only when named` : describeAdapter(info);
    }),
    await report('tensorflow', async () => (await startTensorflow({ importer, log: () => {} })).device),
    await report('wasm', async () => {
      const { device, blas } = await startWasm();
      return `${device}, matrix products by ${blas}`;
    }),
    await report('cpu', async () => `${cpuModel()}, plain JavaScript: the reference for tests`),
  ];
}

async function report(name: BackendName, probe: () => Promise<string>): Promise<BackendReport> {
  try {
    return { name, available: true, reason: await probe() };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {
      name,
      available: false,
      reason: error.hint === undefined ? error.message : `${error.message}; ${error.hint}`,
    };
  }
}
