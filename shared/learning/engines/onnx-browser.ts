/**
 * ONNX Runtime in a web page, running a model file as it is. Unlike onnx-wasm.ts it loads nothing by itself: the page hands
 * over the runtime's WebAssembly bytes, so that it can forbid every request.
 */
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import { EngineError, messageOf } from '../../errors.ts';

export interface BrowserModel {
  /** @param images [count, C, H, W] @returns logits [count, classes] */
  logits(images: Float32Array, imageDims: readonly [number, number, number]): Promise<Float32Array>;
}

/** @throws EngineError when the runtime does not start or refuses the model */
export async function openBrowserModel(model: Uint8Array, wasmBinary: ArrayBuffer): Promise<BrowserModel> {
  env.wasm.wasmBinary = wasmBinary;
  // More threads need headers that a page from a folder cannot have.
  env.wasm.numThreads = 1;
  try {
    const session = await InferenceSession.create(model, {
      executionProviders: ['wasm'],
      logSeverityLevel: 3,
    });
    return {
      async logits(images, imageDims) {
        const count = images.length / imageDims.reduce((a, b) => a * b, 1);
        const results = await session.run({ images: new Tensor('float32', images, [count, ...imageDims]) }, [
          'logits',
        ]);
        const data = results['logits']?.data;
        if (!(data instanceof Float32Array)) throw new EngineError('The model returned no logits.');
        return data;
      },
    };
  } catch (cause) {
    throw new EngineError(`The model cannot be run in this browser: ${messageOf(cause)}`, { cause });
  }
}
