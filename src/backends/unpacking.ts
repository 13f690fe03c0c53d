// f16, two to a word, to f32: what happens to packed elements when something asks for them as TensorFlow.js has them.
//   2 bytes read and 4 written an element. Bound by memory.
import type { DeviceDispatch } from './recording.js';

const WORKGROUP = 256;
/** Workgroups along one dimension that every device has. */
const MOST = 65535;

const WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read> packed: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<uniform> count: vec4u;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * ${WORKGROUP}u + id.x;
  if (i >= count.x) { return; }
  x[i] = vec4f(unpack2x16float(packed[i].x), unpack2x16float(packed[i].y));
}`;

export class Unpacking {
  private readonly device: GPUDevice;
  private pipeline: GPUComputePipeline | null = null;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** The dispatch that fills `to`; `count`, in a uniform buffer too, is the number of vectors of four elements. */
  of(packed: GPUBuffer, to: GPUBuffer, uniforms: GPUBuffer, count: number): DeviceDispatch {
    const groups = Math.ceil(count / WORKGROUP);
    const y = Math.ceil(groups / MOST);
    return {
      pipeline: (this.pipeline ??= this.compile()),
      buffers: [packed, to, uniforms],
      outputs: [to],
      updates: [],
      workgroups: [Math.ceil(groups / y), y, 1],
    };
  }

  private compile(): GPUComputePipeline {
    const module = this.device.createShaderModule({ code: WGSL, label: 'unpack-halves' });
    return this.device.createComputePipeline({ label: 'unpack-halves', layout: 'auto', compute: { module } });
  }
}
