/**
 * Training that starts from a model which exists already: an ONNX file or LayersModel of this program or of another one, its head
 * replaced for the classes of this task, parts of it frozen, for the whole training or up to an epoch.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { GraphError, InputError, messageOf } from '../../shared/errors.ts';
import { DEFAULT_ONNX_LIMITS } from '../../shared/learning/graph/onnx-limits.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { externalDataIn } from '../../shared/learning/import/external-data.ts';
import { readLayersModelFile } from '../../shared/learning/layers-model/folder.ts';
import { withNewHead } from '../../shared/learning/transfer/head.ts';
import {
  adaptModel,
  frozenForms,
  sameList,
  type FreezingRules,
  type TransferTask,
} from '../../shared/learning/transfer/initial-model.ts';

/** What a user asks for. */
export interface TransferRequest extends FreezingRules {
  /** Path of the ONNX file, or of the model.json of a LayersModel. */
  readonly file: string;
  /** The epoch, from 1, from which on nothing is frozen. Absent: never. */
  readonly unfreezeAtEpoch?: number;
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

/** @throws InputError when it cannot be read or is larger than a model may be */
export async function readInitialModel(file: string): Promise<Uint8Array> {
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

type Adapted = Omit<OpenedModel, 'config'> & { readonly sha512: string };

async function fromOnnx(file: string, task: TransferTask): Promise<Adapted> {
  const bytes = await readInitialModel(file);
  const { model, notes } = adaptModel(bytes, task, externalDataIn(dirname(file)));
  return { model, notes: notes.map((note) => `${file}: ${note}`), sha512: sha512Hex(bytes) };
}

/** A TensorFlow.js / Keras model.json with its weight files. */
async function fromLayersModel(file: string, task: TransferTask): Promise<Adapted> {
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
export async function openInitialModel(request: TransferRequest, task: TransferTask): Promise<OpenedModel> {
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
  const { start, thawed } = frozenForms(model, transfer);
  const { unfreezeAtEpoch } = transfer;
  return unfreezeAtEpoch === undefined
    ? { start }
    : { start, thawed: { model: thawed, fromEpoch: unfreezeAtEpoch } };
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
