// Types of `#tfjs`, the bundle of TensorFlow.js that scripts/tfjs-entry.mjs describes.
export * from '@tensorflow/tfjs-core';
export { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
export { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
