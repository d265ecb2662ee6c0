/** The environment variables of the engines: the one place of this folder that reads or sets `process.env`. */

export interface EngineConfig {
  /** A folder whose `node_modules` holds a working `@tensorflow/tfjs-node-gpu`; absent: the installed package is used. */
  readonly tensorFlowGpuFolder?: string;
  /** The Vulkan driver that WebGPU is told to use; absent: the system's own. */
  readonly vulkanDriver?: string;
}

const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

export function readEngineConfig(): EngineConfig {
  const folder = given(process.env['CONSILIUM_TFJS_NODE_GPU']);
  const driver = given(process.env['VK_ICD_FILENAMES']);
  return {
    ...(folder === undefined ? {} : { tensorFlowGpuFolder: folder }),
    ...(driver === undefined ? {} : { vulkanDriver: driver }),
  };
}

/**
 * TensorFlow reads these once, when its library is loaded: one thread for each operator, so that the same inputs give
 * the same bits, and no informational lines on the terminal. What the user has set stays.
 */
export function prepareTensorFlowEnvironment(): void {
  process.env['TF_NUM_INTRAOP_THREADS'] ??= '1';
  process.env['TF_NUM_INTEROP_THREADS'] ??= '1';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
}
