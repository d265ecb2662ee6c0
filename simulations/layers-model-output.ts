/** A trained model's LayersModel beside its ONNX file; where the model has no such form, the folder says why. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '../shared/learning/graph/types.ts';
import { writeLayersModelFolder } from '../shared/learning/layers-model/folder.ts';
import {
  writeLayersModel,
  type WriteLayersModelOptions,
} from '../shared/learning/layers-model/write-layers-model.ts';
import { LayersModelUnsupportedError } from '../shared/learning/layers-model/writer-state.ts';

export const LAYERS_MODEL_FOLDER = 'layers-model';

/** @returns the file that was written, relative to `parent` */
export async function exportLayersModel(
  parent: string,
  trained: { readonly model: Model; readonly weights: Float32Array },
  options: WriteLayersModelOptions,
): Promise<string> {
  const folder = join(parent, LAYERS_MODEL_FOLDER);
  try {
    await writeLayersModelFolder(folder, writeLayersModel(trained.model, trained.weights, options));
    return `${LAYERS_MODEL_FOLDER}/model.json`;
  } catch (error) {
    if (!(error instanceof LayersModelUnsupportedError)) throw error;
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, 'unavailable.txt'),
      `${error.message}\nThe ONNX file holds the whole model.\n`,
    );
    return `${LAYERS_MODEL_FOLDER}/unavailable.txt`;
  }
}
