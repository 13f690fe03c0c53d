// Transpose, f32 or packed f16, where the last dimension stays the last: heads split from channels and merged again. It stands in for
// TensorFlow.js's, which goes element by element. One vector of four an invocation; shapes and strides are uniforms. Where only
// dimensions of size one move, as in a decoding step, nothing is copied. What is packed moves as words.
// Bytes: x read, y written. Bound by memory.
import * as tf from '#tfjs';
import { operandOf } from './held.js';
import { deviceBackend, run, workgroupsFor, type Program } from './runner.js';
import { bindings, perItem, widthOf, WORKGROUP, type Width } from './vectors.js';

const RANK = 4;

export function registerTranspose(): void {
  const original = tf.getKernel('Transpose', 'webgpu');
  tf.unregisterKernel('Transpose', 'webgpu');
  tf.registerKernel({
    ...original,
    kernelFunc: (args) => {
      const { x } = args.inputs as unknown as { x: tf.TensorInfo };
      const { perm } = args.attrs as unknown as { perm: number[] };
      const shape = perm.map((axis) => x.shape[axis]!);
      const moved = perm.filter((axis) => x.shape[axis] !== 1);
      if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) {
        deviceBackend().incRef(x.dataId);
        return { dataId: x.dataId, shape, dtype: x.dtype };
      }
      const fits = x.dtype === 'float32' && x.shape.length <= RANK && perm.at(-1) === x.shape.length - 1;
      return fits ? transpose(x, perm) : original.kernelFunc(args);
    },
  });
}

/** x of rank 4 at the most; perm keeps the last dimension. */
export function transpose(x: tf.TensorInfo, perm: readonly number[]): tf.Tensor {
  const { buffer, held } = operandOf(x);
  const words = x.shape.at(-1)! / (held === 'f16' ? 2 : 1);
  const width = widthOf(words);
  const from = [...x.shape.slice(0, -1), words / width];
  const strides = from.map((_, axis) => tf.util.sizeFromShape(from.slice(axis + 1)));
  const missing = RANK - perm.length;
  const padded = (values: number[], filler: number) => [...new Array<number>(missing).fill(filler), ...values];
  const count = tf.util.sizeFromShape(from);
  const [y] = run({
    program: program(width),
    inputs: [buffer],
    outputs: [{ shape: perm.map((axis) => x.shape[axis]!), packed: held === 'f16' }],
    uniforms: [
      ...padded(
        perm.map((axis) => from[axis]!),
        1,
      ),
      ...padded(
        perm.map((axis) => strides[axis]!),
        0,
      ),
      count,
    ],
    workgroups: workgroupsFor(count, WORKGROUP),
  });
  return y;
}

function program(width: Width): Program {
  return {
    key: `transpose/${width}`,
    wgsl: () => `
alias words = ${width === 4 ? 'vec4<u32>' : 'u32'};
${bindings({ x: 'words' }, { y: 'words' }, 'shape: vec4<u32>, strides: vec4<u32>, count: u32')}
${perItem(`
  let i3 = item % uniforms.shape.w;
  let i2 = item / uniforms.shape.w % uniforms.shape.z;
  let i1 = item / (uniforms.shape.w * uniforms.shape.z) % uniforms.shape.y;
  let i0 = item / (uniforms.shape.w * uniforms.shape.z * uniforms.shape.y);
  let places = vec4(i0, i1, i2, i3) * uniforms.strides;
  y[item] = x[places.x + places.y + places.z + places.w];`)}`,
  };
}

export function samples(): Program[] {
  return [program(4), program(1)];
}
