// Importing this file puts our kernels into TensorFlow.js's registry, which must happen before a backend starts.
import { registerSelectiveScan } from './host/selective-scan.js';
import { registerBatchMatMul } from './wasm/batch-mat-mul.js';
import { registerGather } from './wasm/gather.js';
import { registerIdentity } from './wasm/identity.js';
import { registerSlice } from './wasm/slice.js';
import { registerUnsortedSegmentSum } from './wasm/unsorted-segment-sum.js';
import { registerAdd } from './webgpu/add.js';
import { registerMatMul } from './webgpu/matmul.js';
import { registerTranspose } from './webgpu/transpose.js';

registerBatchMatMul();
registerGather();
registerIdentity();
registerSelectiveScan();
registerSlice();
registerUnsortedSegmentSum();
registerMatMul();
registerAdd();
registerTranspose();
