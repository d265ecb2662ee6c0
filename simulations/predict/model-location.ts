/** Finds the model of a run: people name the folder that a training or a simulation left. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphError, InputError, messageOf } from '../../shared/errors.ts';
import type { RunnerEngine } from '../../shared/learning/engines/graph-runner.ts';
import { openClassifier, type Classifier } from '../../shared/learning/inference/classifier.ts';

/** Where `train` and `simulate` put their model. */
const IN_A_RUN = ['model.onnx', join('model', 'model.onnx')];

/** A model beyond this is a mistake. */
const LARGEST_MODEL_BYTES = 2 ** 31 - 1;

/** @throws InputError when there is no such file or folder, or the folder has no model */
export async function findModel(path: string): Promise<string> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (cause) {
    throw new InputError(`--model ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (!isFolder) return path;
  const found = IN_A_RUN.map((name) => join(path, name)).find((file) => existsSync(file));
  if (found === undefined)
    throw new InputError(
      `--model ${path} holds no ${IN_A_RUN.join(' or ')}: give the folder of a finished run, or a model file`,
    );
  return found;
}

export interface OpenedModel {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly classifier: Classifier;
}

/** @throws InputError naming the file when it is no model of this program */
export async function openModel(path: string, engine: RunnerEngine): Promise<OpenedModel> {
  const file = await findModel(path);
  const { size } = await stat(file);
  if (size > LARGEST_MODEL_BYTES)
    throw new InputError(
      `${file} has ${String(size)} bytes; at most ${String(LARGEST_MODEL_BYTES)} are read`,
    );
  const bytes = await readFile(file);
  try {
    return { path: file, bytes, classifier: await openClassifier(bytes, engine) };
  } catch (error) {
    if (error instanceof GraphError) throw new InputError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
