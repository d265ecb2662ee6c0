/**
 * The native parts that `install:gpu` can fetch: what each is, where it comes from, the command, and the files that the
 * command may replace. They are not in the npm packages themselves, and this project runs no install script unasked.
 */
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import type { EngineName } from '../shared/learning/engines/engine.ts';

export interface GpuPart {
  readonly engine: EngineName;
  /** What is downloaded, how much and from whom, for people. */
  readonly explanation: string;
  /** Arguments of npm. */
  readonly npmArguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The folder that the command writes to. */
  readonly folder: () => string;
}

/** The folder of an installed package. @throws Error when the package is not installed */
function packageFolder(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
}

export const TENSORFLOW_PART: GpuPart = {
  engine: 'tensorflow-gpu',
  explanation:
    'The native half of @tensorflow/tfjs-node-gpu 4.22.0: the TensorFlow 2.9.1 library (about 400 MB, CUDA 11.2) and a small ' +
    "binding, from the TensorFlow project's storage at Google. It needs Linux or Windows on x64; without a suitable GPU it " +
    'computes on the CPU.',
  npmArguments: ['rebuild', '@tensorflow/tfjs-node-gpu', '--ignore-scripts=false'],
  environment: {},
  folder: () => packageFolder('@tensorflow/tfjs-node-gpu'),
};

export const CUDA_PART: GpuPart = {
  engine: 'onnx-cuda',
  explanation:
    'The CUDA 12 provider of onnxruntime-node 1.30.0 (about 300 MB), from the NuGet package Microsoft.ML.OnnxRuntime.Gpu.Linux ' +
    "in Microsoft's package gallery. It needs Linux on x64, an NVIDIA GPU with its driver, CUDA 12 and cuDNN 9.",
  npmArguments: ['rebuild', 'onnxruntime-node', '--ignore-scripts=false'],
  environment: { ONNXRUNTIME_NODE_INSTALL: 'cuda12' },
  folder: () => join(packageFolder('onnxruntime-node'), 'bin', 'napi-v6', platform(), arch()),
};
