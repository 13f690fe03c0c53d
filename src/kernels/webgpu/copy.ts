// Copies a tensor, y = x: what the device's memory reaches, which the speed of every memory-bound kernel is a share of.
// Each invocation copies four vectors of four floats, a workgroup 16 KiB of neighbouring bytes in strides of the workgroup.
// Bytes: 4 n read and 4 n written. FLOPs: none.
import type * as tf from '#tfjs';
import { run, workgroupsFor, type Program } from './runner.js';

const WORKGROUP = 256;
const VECTORS = 4;

const program: Program = {
  key: 'copy',
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> size: vec4u; // vectors

@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * groups.x + group.x) * ${WORKGROUP * VECTORS} + lane;
  for (var i = 0u; i < ${VECTORS}u; i++) {
    let at = first + i * ${WORKGROUP};
    if (at < size.x) { y[at] = x[at]; }
  }
}`,
};

/** x, any shape of a multiple of four elements -> a copy */
export function copy(x: tf.Tensor): tf.Tensor {
  const vectors = x.size / 4;
  const [y] = run({
    program,
    inputs: [x],
    outputs: [{ shape: x.shape }],
    uniforms: [vectors],
    workgroups: workgroupsFor(vectors, WORKGROUP * VECTORS),
  });
  return y;
}

export function samples(): Program[] {
  return [program];
}
