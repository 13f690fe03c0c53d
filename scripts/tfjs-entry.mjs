// What of TensorFlow.js the build bundles into dist/vendor/tfjs.js: core with every gradient (core alone registers
// none in Node), the cpu, wasm and webgpu backends. One bundle, so that there is one engine and one kernel registry.
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import '@tensorflow/tfjs-backend-cpu';
export * from '@tensorflow/tfjs-core';
export { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
export { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
