// A device on which a kernel that counts on more than it may shows it, though a software adapter runs it: within a workgroup the last
// invocation runs first, so that what another writes is not there before a barrier is, and all memory that nobody has written, of
// buffers and of workgroups, holds NaN. (A software adapter runs a few invocations at a time up to the next barrier, in their order,
// which hides a barrier that is missing; the models' tests run on it as it is, and so show what this order hides.)
import type { ExecutionContext } from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import type { DeviceBackend } from '../../../src/backends/device-backend.js';
import { deviceBackend } from '../../../src/kernels/webgpu/runner.js';
import { needsWebgpu } from '../../webgpu.js';

/** As `needsWebgpu`; from then on the device is adverse. */
export async function needsAdverseWebgpu(t: ExecutionContext): Promise<boolean> {
  if (!(await needsWebgpu(t))) return false;
  (await startEngine('webgpu')).use();
  const backend = deviceBackend();
  if (!adverse.has(backend)) {
    adverse.add(backend);
    compileAdversely(backend);
    fillNewBuffers(backend);
  }
  return true;
}

const adverse = new WeakSet<DeviceBackend>();
const NAN_BITS = 0x7fc00000;
/** Two NaNs in f16. */
const HALF_NAN_BITS = 0x7e007e00;

function compileAdversely({ device }: DeviceBackend): void {
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => create({ ...descriptor, code: adversely(descriptor.code) });
}

const MAIN = /(@workgroup_size\((\d+)\)\s*fn main\([^{]*@builtin\(local_invocation_index\) )(\w+)(: u32[^{]*\{)/;
const VARIABLES = /var<workgroup> (\w+): (?:array<([\w<>]+), (\d+)>|([\w<>]+));/g;

/** The same kernel, its invocations numbered from the last. A subgroup's lanes keep their numbers, where it has subgroups. */
export function adversely(wgsl: string): string {
  if (!/workgroupBarrier\(\)|storageBarrier\(\)/.test(wgsl) || /enable subgroups/.test(wgsl)) return wgsl;
  return wgsl.replace(MAIN, (_, before: string, count: string, index: string, after: string) => {
    const fills = [...wgsl.matchAll(VARIABLES)].map(([, name, element, length, single]) =>
      length === undefined
        ? `${name} = ${notANumber(single!)};`
        : `for (var i = ${index}; i < ${length}u; i += ${count}u) { ${name}[i] = ${notANumber(element!)}; }`,
    );
    return `${before}place${after}
  let ${index} = ${Number(count) - 1}u - place;
  var nanBits = ${NAN_BITS}u;
  ${fills.join('\n  ')}
  workgroupBarrier();
`;
  });
}

function notANumber(type: string): string {
  return /^(u32|vec\du|vec\d<u32>)$/.test(type) ? `${type}(${HALF_NAN_BITS}u)` : `${type}(bitcast<f32>(nanBits))`;
}

/** In its turn: what was recorded before may still read what the buffer held. */
function fillNewBuffers(backend: DeviceBackend): void {
  const { device, pool } = backend;
  const acquire = pool.acquireBuffer.bind(pool);
  const sources = new Map<number, GPUBuffer>();
  const sourceOf = (size: number) => {
    let source = sources.get(size);
    if (source === undefined) {
      source = device.createBuffer({ size, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
      device.queue.writeBuffer(source, 0, new Uint32Array(size / 4).fill(NAN_BITS));
      sources.set(size, source);
    }
    return source;
  };
  pool.acquireBuffer = (size, usage, ...rest) => {
    const buffer = acquire(size, usage, ...rest);
    if (size > 0 && (usage & GPUBufferUsage.STORAGE) !== 0) backend.copy(sourceOf(size), buffer);
    return buffer;
  };
}
