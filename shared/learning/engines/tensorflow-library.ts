/**
 * Finds and loads the three builds of TensorFlow.js: `@tensorflow/tfjs` (plain JavaScript), `@tensorflow/tfjs-node` and
 * `@tensorflow/tfjs-node-gpu` (a native library). All builds share one global registry, so a process holds one of them.
 */
import type * as tf from '@tensorflow/tfjs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { EngineError, messageOf } from '../../errors.ts';
import { prepareTensorFlowEnvironment, readEngineConfig } from './config.ts';
import type { EngineName } from './engine.ts';

export type TensorFlow = typeof tf;
export type TensorFlowName = Extract<EngineName, `tensorflow${string}`>;

export interface LoadedTensorFlow {
  readonly lib: TensorFlow;
  /** What it runs on, for people. */
  readonly device: string;
}

let loaded: { readonly name: TensorFlowName; readonly library: LoadedTensorFlow } | undefined;

/** The members of the native backend that say what it runs on. */
interface NativeBackend {
  readonly isUsingGpuDevice?: boolean;
  readonly binding?: { readonly TF_Version?: string };
}

/** tfjs-node 4.22 calls two functions that Node 23 removed from `util`. */
function restoreRemovedUtilities(load: NodeJS.Require): void {
  const util = load('node:util') as Record<string, unknown>; // the mutable CommonJS module object
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}

function loadNative(packageName: string, folder: string | undefined): LoadedTensorFlow {
  const own = createRequire(import.meta.url);
  const load = folder === undefined ? own : createRequire(join(resolve(folder), 'package.json'));
  prepareTensorFlowEnvironment();
  restoreRemovedUtilities(own);
  const lib = load(packageName) as TensorFlow; // the package re-exports all of @tensorflow/tfjs
  const backend = lib.backend() as NativeBackend;
  const where = backend.isUsingGpuDevice === true ? 'NVIDIA GPU' : 'CPU';
  return { lib, device: `${where}, TensorFlow ${backend.binding?.TF_Version ?? 'of unknown version'}` };
}

async function loadPlain(): Promise<LoadedTensorFlow> {
  const lib = createRequire(import.meta.url)('@tensorflow/tfjs') as TensorFlow; // CommonJS: no named ESM exports
  lib.env().set('PROD', true); // silences the advice to install tfjs-node
  await lib.setBackend('cpu');
  return { lib, device: 'CPU, plain JavaScript' };
}

async function load(name: TensorFlowName): Promise<LoadedTensorFlow> {
  switch (name) {
    case 'tensorflow-js':
      return loadPlain();
    case 'tensorflow':
      return loadNative('@tensorflow/tfjs-node', undefined);
    case 'tensorflow-gpu':
      return loadNative('@tensorflow/tfjs-node-gpu', readEngineConfig().tensorFlowGpuFolder);
  }
}

/** @throws EngineError when the library cannot be loaded, or another build is loaded in this process already. */
export async function loadTensorFlow(name: TensorFlowName): Promise<LoadedTensorFlow> {
  if (loaded?.name === name) return loaded.library;
  if (loaded !== undefined) {
    throw new EngineError(
      `"${name}" cannot be opened: this process already runs "${loaded.name}", and TensorFlow.js allows one of them in a process.`,
    );
  }
  let library: LoadedTensorFlow;
  try {
    library = await load(name);
  } catch (error) {
    throw new EngineError(`"${name}" cannot be loaded: ${messageOf(error).trim()}`, { cause: error });
  }
  loaded = { name, library };
  return library;
}
