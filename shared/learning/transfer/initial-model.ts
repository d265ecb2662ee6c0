/**
 * A model file as the start of another training: read as untrusted input, brought to the task's images, its head replaced
 * where the classes are others. The digest of a file names it wherever it goes.
 */
import { GraphError } from '../../errors.ts';
import { readModelFile, type ModelFile } from '../graph/model-file.ts';
import type { Model } from '../graph/types.ts';
import type { ImageDims } from '../import/image-input.ts';
import { importModel } from '../import/import-model.ts';
import type { ExternalData } from '../import/tensor-values.ts';
import { withBodyRate, withFrozen } from './freeze.ts';
import { withNewHead } from './head.ts';

export interface TransferTask {
  /** [channels, height, width] */
  readonly imageDims: ImageDims;
  readonly classNames: readonly string[];
}

export interface AdaptedModel {
  /** Nothing of it is frozen; its initial weights are those of the file, and random ones for a new head. */
  readonly model: Model;
  /** What a person should know about the file, in sentences that follow its name. */
  readonly notes: readonly string[];
}

/** The file as one that this program wrote; undefined where another one did. */
function ownFile(bytes: Uint8Array): ModelFile | undefined {
  try {
    return readModelFile(bytes);
  } catch (error) {
    if (error instanceof GraphError) return undefined;
    throw error;
  }
}

export const sameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

/**
 * @param bytes an ONNX file that anybody may have written
 * @param externalData reads the files beside it; absent: the file must hold its weights itself
 * @throws GraphError when the file cannot be used for the task
 */
export function adaptModel(bytes: Uint8Array, task: TransferTask, externalData?: ExternalData): AdaptedModel {
  const own = ownFile(bytes);
  const fits = own && sameList(own.model.imageDims, task.imageDims);
  const imported = fits
    ? { model: own.model, notes: [] }
    : importModel(bytes, { imageDims: task.imageDims, ...(externalData && { externalData }) });
  if (own && sameList(own.description.classNames, task.classNames))
    return { model: imported.model, notes: ['the same classes, so the head is kept', ...imported.notes] };
  const model = withNewHead(imported.model, task.classNames.length);
  return { model, notes: ['the head is new', ...imported.notes] };
}

export interface FreezingRules {
  /** Parameters that keep their values, by name; `*` stands for any characters. */
  readonly freeze: readonly string[];
  /** Factor on the learning rate of everything but the head. */
  readonly bodyRateFactor: number;
}

/** A model before and after its frozen part is let go, with one layout of weights. */
export interface FrozenForms {
  readonly start: Model;
  readonly thawed: Model;
}

/** @throws InputError when a pattern matches nothing, or nothing is left to train */
export function frozenForms(model: Model, { freeze, bodyRateFactor }: FreezingRules): FrozenForms {
  const thawed = withBodyRate(model, bodyRateFactor);
  return { start: withFrozen(thawed, freeze), thawed };
}
