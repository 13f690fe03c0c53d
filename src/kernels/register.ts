// Importing this file puts our kernels into TensorFlow.js's registry, which must happen before a backend starts.
import { registerBatchMatMul } from './wasm/batch-mat-mul.js';
import { registerUnsortedSegmentSum } from './wasm/unsorted-segment-sum.js';

registerBatchMatMul();
registerUnsortedSegmentSum();
