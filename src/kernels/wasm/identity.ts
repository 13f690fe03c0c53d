// Identity and Cast for wasm. Those of tfjs-backend-wasm 4.22.0 copy the tensor even where nothing changes; the tape takes an
// identity of everything it keeps, so that training copied every activation, and held it twice. Here the data is shared, as the
// other backends do: tensors are never changed in place.
import * as tf from '#tfjs';
import type { WasmBackend } from './heap.js';
import { replaceKernel } from './replace-kernel.js';

export function registerIdentity(): void {
  replaceKernel('Identity', ({ x }, _, backend) => shared(x!, backend));

  const cast = tf.getKernel('Cast', 'wasm');
  replaceKernel('Cast', ({ x }, attrs, backend) =>
    attrs.dtype === x!.dtype ? shared(x!, backend) : cast.kernelFunc({ inputs: { x: x! }, attrs, backend }),
  );
}

function shared({ dataId, shape, dtype }: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo {
  backend.incRef(dataId);
  return { dataId, shape, dtype };
}
