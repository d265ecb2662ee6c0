/**
 * Training that starts from a model which exists already: an ONNX file or LayersModel of this program or of another one, its head
 * replaced for the classes of this task, parts of it frozen, for the whole training or up to an epoch.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GraphError, InputError, messageOf } from '../../shared/errors.ts';
import { readModelFile, type ModelFile } from '../../shared/learning/graph/model-file.ts';
import { DEFAULT_ONNX_LIMITS } from '../../shared/learning/graph/onnx-limits.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { externalDataIn } from '../../shared/learning/import/external-data.ts';
import type { ImageDims } from '../../shared/learning/import/image-input.ts';
import { importModel } from '../../shared/learning/import/import-model.ts';
import { readLayersModelFile } from '../../shared/learning/layers-model/folder.ts';
import { withBodyRate, withFrozen } from '../../shared/learning/transfer/freeze.ts';
import { withNewHead } from '../../shared/learning/transfer/head.ts';

/** What a user asks for. */
export interface TransferRequest {
  /** Path of the ONNX file, or of the model.json of a LayersModel. */
  readonly file: string;
  /** Parameters that keep their values, by name; `*` stands for any characters. */
  readonly freeze: readonly string[];
  /** The epoch, from 1, from which on nothing is frozen. Absent: never. */
  readonly unfreezeAtEpoch?: number;
  /** Factor on the learning rate of everything but the head. */
  readonly bodyRateFactor: number;
}

/** As `TransferRequest`, with what the file was: config.json holds it. */
export interface TransferConfig extends TransferRequest {
  /** SHA-512 of the file, 128 hexadecimal digits. */
  readonly sha512: string;
}

export interface OpenedModel {
  /** Nothing of it is frozen; its initial weights are those of the file, and random ones for a new head. */
  readonly model: Model;
  readonly config: TransferConfig;
  /** What the user should know about the file. */
  readonly notes: readonly string[];
}

/** The models that a training runs, all with one layout of weights. */
export interface ModelForms {
  readonly start: Model;
  readonly thawed?: { readonly model: Model; readonly fromEpoch: number };
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > DEFAULT_ONNX_LIMITS.fileBytes)
      throw new InputError(
        `--init ${file} has ${String(size)} bytes; ${String(DEFAULT_ONNX_LIMITS.fileBytes)} are allowed`,
      );
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`--init ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
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

const sameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

interface Task {
  readonly imageDims: ImageDims;
  readonly classNames: readonly string[];
}

function adapted(file: string, bytes: Uint8Array, task: Task): Omit<OpenedModel, 'config'> {
  const own = ownFile(bytes);
  const fits = own && sameList(own.model.imageDims, task.imageDims);
  const imported = fits
    ? { model: own.model, notes: [] }
    : importModel(bytes, { imageDims: task.imageDims, externalData: externalDataIn(dirname(file)) });
  if (own && sameList(own.description.classNames, task.classNames))
    return {
      model: imported.model,
      notes: [`${file}: the same classes, so the head is kept`, ...imported.notes],
    };
  const model = withNewHead(imported.model, task.classNames.length);
  return { model, notes: [`${file}: the head is new`, ...imported.notes] };
}

type Adapted = Omit<OpenedModel, 'config'> & { readonly sha512: string };

async function fromOnnx(file: string, task: Task): Promise<Adapted> {
  const bytes = await readBytes(file);
  return { ...adapted(file, bytes, task), sha512: createHash('sha512').update(bytes).digest('hex') };
}

/** A TensorFlow.js / Keras model.json with its weight files. */
async function fromLayersModel(file: string, task: Task): Promise<Adapted> {
  const [channels, height, width] = task.imageDims;
  const { model, metadata, sha512 } = await readLayersModelFile(file, { imageSize: [height, width] });
  if (model.imageDims[0] !== channels)
    throw new GraphError(
      `the model takes images of ${String(model.imageDims[0])} channels; these have ${String(channels)}.`,
    );
  if (metadata && sameList(metadata.classNames, task.classNames))
    return { model, notes: [`${file}: the same classes, so the head is kept`], sha512 };
  return {
    model: withNewHead(model, task.classNames.length),
    notes: [`${file}: the head is new`],
    sha512,
  };
}

/** @throws InputError when the file cannot be read or used for the task, or a pattern fits nothing */
export async function openInitialModel(request: TransferRequest, task: Task): Promise<OpenedModel> {
  try {
    const { model, notes, sha512 } = await (request.file.endsWith('.json') ? fromLayersModel : fromOnnx)(
      request.file,
      task,
    );
    modelForms(model, request);
    return { model, config: { ...request, sha512 }, notes };
  } catch (cause) {
    if (!(cause instanceof GraphError)) throw cause;
    throw new InputError(`--init ${request.file}: ${cause.message}`, { cause });
  }
}

/** @throws InputError when a pattern matches nothing, or nothing is left to train */
export function modelForms(model: Model, transfer: TransferRequest): ModelForms {
  const free = withBodyRate(model, transfer.bodyRateFactor);
  const start = withFrozen(free, transfer.freeze);
  const { unfreezeAtEpoch } = transfer;
  return unfreezeAtEpoch === undefined
    ? { start }
    : { start, thawed: { model: free, fromEpoch: unfreezeAtEpoch } };
}

/** "resnet18.onnx, 11.2 million of 11.2 million weights frozen until epoch 3", for people. */
export function transferText(model: Model, transfer: TransferRequest): string {
  const { start } = modelForms(model, transfer);
  const count = (parameters: Model['parameters']): number =>
    parameters.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0);
  const frozen = count(start.parameters.filter((parameter) => parameter.frozen === true));
  const until =
    transfer.unfreezeAtEpoch === undefined ? '' : ` before epoch ${String(transfer.unfreezeAtEpoch)}`;
  const rate =
    transfer.bodyRateFactor === 1 ? '' : `, body at ${String(transfer.bodyRateFactor)} of the rate`;
  return `${transfer.file}, ${String(frozen)} of ${String(count(model.parameters))} weights frozen${until}${rate}`;
}
