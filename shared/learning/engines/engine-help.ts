/** What makes an engine available where it is not: one sentence for each, with the command where there is one. */
import type { EngineName } from './engine.ts';

export const ENGINE_HELP: Readonly<Record<EngineName, string>> = {
  onnx: 'npm ci (native files exist for Linux, Windows and macOS on x64 and arm64; elsewhere onnx-wasm does the work)',
  'onnx-webgpu': 'install the driver of the GPU and, on Linux, the Vulkan loader: apt-get install libvulkan1',
  'onnx-cuda': 'npm run install:gpu -- --cuda12 (Linux with an NVIDIA GPU, its driver, CUDA 12 and cuDNN 9)',
  'onnx-directml': 'works on Windows 10 or later with any DirectX 12 GPU',
  'onnx-coreml': 'works on macOS',
  'onnx-wasm': 'npm ci',
  'tensorflow-gpu':
    'npm run install:gpu (Linux or Windows x64; for GPUs of the CUDA 11 generation, otherwise on the CPU)',
  tensorflow: 'npm install @tensorflow/tfjs-node@4.22.0 --ignore-scripts=false',
  'tensorflow-js': 'npm ci',
};
