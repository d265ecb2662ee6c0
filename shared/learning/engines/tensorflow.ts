/** The three TensorFlow.js engines: the forward graph interpreted, gradients by automatic differentiation. */
import type { Engine } from './engine.ts';
import { loadTensorFlow, type TensorFlowName } from './tensorflow-library.ts';
import { TensorFlowModel } from './tensorflow-model.ts';

/** @throws EngineError when the library cannot be loaded. */
export async function openTensorFlow(name: TensorFlowName): Promise<Engine> {
  const { lib, device } = await loadTensorFlow(name);
  return {
    name,
    device,
    compile: (model, options) =>
      new Promise((resolve) => {
        resolve(new TensorFlowModel(lib, model, options));
      }),
  };
}
