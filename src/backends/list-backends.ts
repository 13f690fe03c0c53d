// What `ls backends` and `env` say: which engines start here, and why the others do not.
import { UserError } from '../user-error.js';
import { cpuModel } from './cpu.js';
import { startTensorflow } from './tensorflow.js';
import { startWasm } from './wasm.js';
import { describeAdapter, describeFeatures, isSoftware, requestAdapter } from './webgpu.js';
import type { BackendName } from './engine.js';

export interface BackendReport {
  name: BackendName;
  available: boolean;
  /** The device where it is available, the missing part where it is not. */
  reason: string;
  /** What is used of the device, and why not more, where there is a choice. */
  features: Record<string, string>;
}

type Probed = Omit<BackendReport, 'name' | 'available'>;

const importer = (name: string) => import(name) as Promise<unknown>;

export async function listBackends(): Promise<BackendReport[]> {
  return [
    await report('webgpu', async () => {
      const adapter = await requestAdapter(importer);
      const device = describeAdapter(adapter.info);
      const reason = isSoftware(adapter.info) ? `${device}, a software adapter: only when named` : device;
      return { reason, features: describeFeatures(adapter) };
    }),
    await report('tensorflow', async () => {
      const { device } = await startTensorflow({ importer, log: () => {} });
      return { reason: device, features: {} };
    }),
    await report('wasm', async () => {
      const { device, blas } = await startWasm();
      return { reason: `${device}, matrix products by ${blas}`, features: {} };
    }),
    await report('cpu', async () => ({
      reason: `${cpuModel()}, plain JavaScript: the reference for tests`,
      features: {},
    })),
  ];
}

async function report(name: BackendName, probe: () => Promise<Probed>): Promise<BackendReport> {
  try {
    return { name, available: true, ...(await probe()) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {
      name,
      available: false,
      reason: error.hint === undefined ? error.message : `${error.message}; ${error.hint}`,
      features: {},
    };
  }
}
