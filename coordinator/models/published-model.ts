/** A published model in the forms that others use, with where it comes from in its metadata. */
import { zipSync } from 'fflate';
import { z } from 'zod';
import { InputError } from '../../shared/errors.ts';
import type { RunId } from '../../shared/ids.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { writeModel, type ModelDescription } from '../../shared/learning/graph/model-file.ts';
import { writeLayersModel } from '../../shared/learning/layers-model/write-layers-model.ts';
import { LayersModelUnsupportedError } from '../../shared/learning/layers-model/writer-state.ts';
import { weightsDigest, weightsFromBytes } from '../../shared/learning/weights.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import { planNetwork } from '../run/plan-network.ts';
import type { ModelStore } from '../storage/model-store.ts';
import type { PublishedModel } from '../storage/run-store.ts';

export interface Publication {
  readonly runId: RunId;
  readonly plan: Plan;
  readonly model: PublishedModel;
}

interface OpenedModel {
  readonly network: Model;
  readonly weights: Float32Array;
  readonly description: ModelDescription;
  readonly provenance: ReadonlyMap<string, string>;
}

/** @throws StorageError when the weights are missing or damaged */
async function open({ runId, plan, model }: Publication, models: ModelStore): Promise<OpenedModel> {
  const weights = weightsFromBytes(await models.get(model.modelHash));
  const { whole: network } = await planNetwork(plan, models);
  return {
    network,
    weights,
    description: {
      ...{ classNames: plan.task.classNames, activation: 'softmax' },
      preprocessing: z.json().parse(JSON.parse(JSON.stringify(plan.preprocessing))),
    },
    provenance: new Map([
      ['consilium.run', runId],
      ['consilium.round', String(model.round)],
      ['consilium.plan', hashPlan(plan)],
      ['consilium.weights', weightsDigest(weights)],
    ]),
  };
}

/** An ONNX file. @throws StorageError when the weights are missing or damaged */
export async function onnxOf(
  publication: Publication,
  models: ModelStore,
  version: string,
): Promise<Uint8Array> {
  const { network, weights, description, provenance } = await open(publication, models);
  return writeModel(network, weights, {
    ...description,
    producer: { name: 'consilium', version },
    metadata: provenance,
  });
}

/**
 * A zip file of a LayersModel: model.json and the files of its weights.
 * @throws InputError where the network has no such form; StorageError when the weights are missing or damaged
 */
export async function layersModelOf(publication: Publication, models: ModelStore): Promise<Uint8Array> {
  const { network, weights, description, provenance } = await open(publication, models);
  try {
    const { files } = writeLayersModel(network, weights, { ...description, notes: provenance });
    // Weights hardly become smaller: they are stored as they are. The time is fixed, so that the same model is the same file.
    return zipSync(Object.fromEntries(files), { level: 0, mtime: new Date(1980, 0, 1) });
  } catch (error) {
    if (error instanceof LayersModelUnsupportedError)
      throw new InputError(
        `this model has no LayersModel form: ${error.message}; the ONNX file holds all of it`,
      );
    throw error;
  }
}

/** The best by its score, of equal scores the later; the last where none was judged. */
export function bestOf(published: readonly PublishedModel[]): PublishedModel | undefined {
  return published.toSorted((a, b) => (b.score ?? -1) - (a.score ?? -1) || b.round - a.round)[0];
}
