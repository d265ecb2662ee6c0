/**
 * A TensorFlow.js / Keras LayersModel (model.json and weight files) as our own graph and weights: everything is validated
 * and written anew, nothing of the file is kept or run. The last softmax or sigmoid is taken off: models here end in logits.
 */
import { z } from 'zod';
import { GraphError } from '../../errors.ts';
import type { Model } from '../graph/types.ts';
import { initialWeights } from '../weights.ts';
import { DEFAULT_LAYERS_MODEL_LIMITS, type LayersModelLimits } from './limits.ts';
import { metadataOf, type LayersModelMetadata } from './metadata.ts';
import { parseModelJson } from './model-json.ts';
import { foldPatterns } from './patterns.ts';
import { readLayer } from './read-layer.ts';
import { featureDims } from './read-vector.ts';
import { image, plain, ReaderState, type Value } from './reader-state.ts';
import { readTopology, type LayerCall, type Topology } from './topology.ts';
import { readWeights, type WeightTensor } from './weight-files.ts';

export interface LayersModelFiles {
  /** model.json, UTF-8. */
  readonly json: Uint8Array;
  /** Contents of the weight files by the names that the manifest gives them. */
  readonly weights: ReadonlyMap<string, Uint8Array>;
}

export interface ReadLayersModelOptions {
  /** Height and width of the images, whatever the file says; needed where it leaves them open. */
  readonly imageSize?: readonly [number, number];
  readonly limits?: LayersModelLimits;
}

export interface LayersModel {
  /** Every layer is trainable, whatever the file says; what is frozen is the trainer's choice. */
  readonly model: Model;
  /** In the layout of `manifestOf(model)`. */
  readonly weights: Float32Array;
  /** What the file puts on top of the logits. */
  readonly activation: 'softmax' | 'sigmoid' | 'none';
  /** Present in files that this program wrote. */
  readonly metadata: LayersModelMetadata | undefined;
}

const dimension = z
  .int()
  .min(1)
  .max(1 << 16);

/** [channels, height, width] */
function imageDims(
  topology: Topology,
  size: readonly [number, number] | undefined,
): readonly [number, number, number] {
  const [height, width, channels] = topology.imageShape;
  const dims = [channels, size?.[0] ?? height, size?.[1] ?? width];
  const parsed = z.tuple([dimension, dimension, dimension]).safeParse(dims);
  if (!parsed.success)
    throw new GraphError(
      `The model takes images of the shape [${topology.imageShape.map(String).join(', ')}] (height, width, channels); give the sizes that it leaves open.`,
    );
  return parsed.data;
}

/** The last call without its softmax or sigmoid. */
function withoutActivation(call: LayerCall): { call: LayerCall; activation: LayersModel['activation'] } {
  const { spec } = call;
  const kept = { call, activation: 'none' } as const;
  const linear = (config: { readonly name: string }): LayerCall => ({
    ...call,
    spec: { class_name: 'Activation', config: { name: config.name, activation: 'linear' } },
  });
  switch (spec.class_name) {
    case 'Softmax':
      return spec.config.axis.every((axis) => axis === -1 || axis === 1)
        ? { call: linear(spec.config), activation: 'softmax' }
        : kept;
    case 'Activation': {
      const { activation } = spec.config;
      return activation === 'softmax' || activation === 'sigmoid'
        ? { call: linear(spec.config), activation }
        : kept;
    }
    case 'Dense': {
      const { activation } = spec.config;
      if (activation !== 'softmax' && activation !== 'sigmoid') return kept;
      return {
        call: { ...call, spec: { ...spec, config: { ...spec.config, activation: 'linear' } } },
        activation,
      };
    }
    case 'InputLayer':
    case 'Conv2D':
    case 'DepthwiseConv2D':
    case 'SeparableConv2D':
    case 'MaxPooling2D':
    case 'AveragePooling2D':
    case 'GlobalAveragePooling2D':
    case 'GlobalMaxPooling2D':
    case 'BatchNormalization':
    case 'LayerNormalization':
    case 'GroupNormalization':
    case 'ReLU':
    case 'LeakyReLU':
    case 'ELU':
    case 'Dropout':
    case 'Flatten':
    case 'Reshape':
    case 'Permute':
    case 'ZeroPadding2D':
    case 'Rescaling':
    case 'Add':
    case 'Subtract':
    case 'Multiply':
    case 'Average':
    case 'Concatenate':
      return kept;
  }
}

interface BuildOptions {
  readonly imageDims: readonly [number, number, number];
  readonly isKeras3: boolean;
  readonly limits: LayersModelLimits;
}

function build(
  topology: Topology,
  weights: readonly WeightTensor[],
  options: BuildOptions,
): Pick<LayersModel, 'model' | 'activation'> {
  const state = new ReaderState('layers-model', weights, options.limits);
  state.build.input('images', ['N', ...options.imageDims]);
  const values: Value[] = [];
  const calls = new Map<string, number>();
  for (const { layer } of topology.calls) calls.set(layer, (calls.get(layer) ?? 0) + 1);
  let activation: LayersModel['activation'] = 'none';
  topology.calls.forEach((original, place) => {
    const last = place === topology.output ? withoutActivation(original) : undefined;
    activation = last?.activation ?? activation;
    const call = last?.call ?? original;
    const given = place === 0 ? [image('images')] : call.inputs.flatMap((from) => values[from] ?? []);
    // A layer with several calls has one order of its weights for all of them.
    const isShared = (calls.get(call.layer) ?? 0) > 1;
    const inputs = given.map((value) =>
      isShared && value.form === 'flat' ? plain(state.toPlain(value), value.nonNegative) : value,
    );
    values.push(readLayer(state, call, inputs, options));
  });
  const output = values[topology.output];
  if (output === undefined) throw new GraphError('The model has no output.');
  const scores = state.toPlain(output);
  const [classCount, ...more] = featureDims(state, scores);
  if (classCount === undefined || more.length > 0)
    throw new GraphError('The model does not end in one vector of scores an image: it is no classifier.');
  state.build.op('Identity', [scores], {}, { outputs: ['logits'] });
  const graph = state.build.build(['logits']);
  return {
    model: { graph, parameters: state.parameters, imageDims: options.imageDims, classCount },
    activation,
  };
}

/** @throws GraphError for a file that is damaged, hostile, too large, or not supported: the message names layer and reason */
export function readLayersModel(files: LayersModelFiles, options: ReadLayersModelOptions = {}): LayersModel {
  const limits = options.limits ?? DEFAULT_LAYERS_MODEL_LIMITS;
  const json = parseModelJson(files.json, limits);
  const weights = readWeights(json.weightsManifest, files.weights, limits);
  const topology = foldPatterns(readTopology(json.modelTopology, limits));
  const { model, activation } = build(topology, weights, {
    imageDims: imageDims(topology, options.imageSize),
    isKeras3: json.modelTopology.keras_version?.startsWith('3.') ?? false,
    limits,
  });
  return {
    model,
    weights: initialWeights(model, 0),
    activation,
    metadata: metadataOf(json.userDefinedMetadata),
  };
}
