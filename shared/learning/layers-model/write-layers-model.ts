/**
 * A trained classifier as a LayersModel: model.json and weight files that plain TensorFlow.js loads
 * (`tf.loadLayersModel`) without code of ours. Input: images [N, height, width, channels], preprocessed; output:
 * probabilities [N, classes]. The layer that `userDefinedMetadata.consilium.logitsLayer` names gives the logits.
 */
import { InvariantError } from '../../errors.ts';
import { NOMINAL_BATCH, replay } from '../graph/builder.ts';
import type { ModelDescription } from '../graph/model-file.ts';
import type { Graph, Model, Node } from '../graph/types.ts';
import { manifestOf, weightsToBytes } from '../weights.ts';
import type { LayersModelMetadata } from './metadata.ts';
import { WriteContext, type WriteRule } from './write-context.ts';
import {
  writeBatchNormalization,
  writeGroupNormalization,
  writeLayerNormalization,
} from './write-normalization.ts';
import {
  writeAdd,
  writeClip,
  writeConcat,
  writeDiv,
  writeDropout,
  writeExp,
  writeFlatten,
  writeGelu,
  writeGemm,
  writeHardSigmoid,
  writeHardSwish,
  writeIdentity,
  writeLeakyRelu,
  writeMatMul,
  writeMul,
  writeNeg,
  writeRelu,
  writeReshape,
  writeSigmoid,
  writeSoftmax,
  writeSub,
  writeTanh,
  writeTranspose,
} from './write-vector.ts';
import { writeConv, writeGlobalAveragePool, writePad, writePool, writeReduceMean } from './write-windows.ts';
import {
  LayersModelUnsupportedError,
  WriterState,
  type LayerValue,
  type Weight,
  type WrittenWeight,
} from './writer-state.ts';

const RULES: ReadonlyMap<string, WriteRule> = new Map([
  ['Add', writeAdd],
  ['AveragePool', writePool],
  ['BatchNormalization', writeBatchNormalization],
  ['Clip', writeClip],
  ['Concat', writeConcat],
  ['Conv', writeConv],
  ['Div', writeDiv],
  ['Dropout', writeDropout],
  ['Exp', writeExp],
  ['Flatten', writeFlatten],
  ['Gelu', writeGelu],
  ['Gemm', writeGemm],
  ['GlobalAveragePool', writeGlobalAveragePool],
  ['GroupNormalization', writeGroupNormalization],
  ['HardSigmoid', writeHardSigmoid],
  ['HardSwish', writeHardSwish],
  ['Identity', writeIdentity],
  ['LayerNormalization', writeLayerNormalization],
  ['LeakyRelu', writeLeakyRelu],
  ['MatMul', writeMatMul],
  ['MaxPool', writePool],
  ['Mul', writeMul],
  ['Neg', writeNeg],
  ['Pad', writePad],
  ['ReduceMean', writeReduceMean],
  ['Relu', writeRelu],
  ['Reshape', writeReshape],
  ['Sigmoid', writeSigmoid],
  ['Softmax', writeSoftmax],
  ['Sub', writeSub],
  ['Tanh', writeTanh],
  ['Transpose', writeTranspose],
]);

/** Browsers cache files of this size well; TensorFlow.js' own converter writes the same. */
const SHARD_BYTES = 4 << 20;

export interface WriteLayersModelOptions extends ModelDescription {
  /** Where the model comes from, for the metadata. */
  readonly notes?: ReadonlyMap<string, string>;
}

export interface WrittenLayersModel {
  /** Contents by file name; one of them is model.json. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The nodes that the logits need, in their order. */
function neededNodes(graph: Graph): readonly Node[] {
  const wanted = new Set(['logits']);
  return [...graph.nodes]
    .reverse()
    .filter((node) => {
      const isNeeded = node.outputs.some((output) => wanted.has(output));
      if (isNeeded) for (const input of node.inputs) wanted.add(input);
      return isNeeded;
    })
    .reverse();
}

/** Parameters and float constants by name. */
function weightsOf(model: Model, weights: Float32Array): ReadonlyMap<string, Weight> {
  const found = new Map<string, Weight>();
  for (const [name, tensor] of model.graph.constants)
    if (tensor.dtype === 'float32') found.set(name, { dims: tensor.dims, data: tensor.data });
  for (const { name, dims, offset, length } of manifestOf(model).entries)
    found.set(name, { dims, data: weights.subarray(offset, offset + length) });
  return found;
}

function writeLayers(model: Model, weights: Float32Array): { state: WriterState; logits: LayerValue } {
  const state = new WriterState();
  const [channels, height, width] = model.imageDims;
  const input = state.add('InputLayer', [], {
    name: 'images',
    config: { batch_input_shape: [null, height, width, channels], sparse: false },
  });
  const build = replay(model.graph, NOMINAL_BATCH);
  const values = new Map([['images', state.image(input, model.imageDims)]]);
  const constants = weightsOf(model, weights);
  for (const node of neededNodes(model.graph)) {
    const context = new WriteContext(node, { state, build, values, weights: constants });
    const rule = RULES.get(node.op) ?? context.refuse('the operator is not among those that can be written');
    values.set(node.outputs[0] ?? '', rule(context));
  }
  const logits = values.get('logits');
  if (logits === undefined) throw new LayersModelUnsupportedError('The logits do not depend on the image.');
  return { state, logits: state.toPlain(logits) };
}

function shards(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const count = Math.max(1, Math.ceil(bytes.length / SHARD_BYTES));
  return new Map(
    Array.from({ length: count }, (_, i) => [
      `group1-shard${String(i + 1)}of${String(count)}.bin`,
      bytes.subarray(i * SHARD_BYTES, (i + 1) * SHARD_BYTES),
    ]),
  );
}

function concatenated(weights: readonly WrittenWeight[]): Uint8Array {
  return Buffer.concat(weights.map(({ data }) => weightsToBytes(data)));
}

/**
 * Equal models give equal bytes.
 * @throws LayersModelUnsupportedError when a node has no form in TensorFlow.js layers
 */
export function writeLayersModel(
  model: Model,
  weights: Float32Array,
  options: WriteLayersModelOptions,
): WrittenLayersModel {
  if (options.classNames.length !== model.classCount || weights.length !== manifestOf(model).length)
    throw new InvariantError('class names or weights do not fit the model');
  const { state, logits } = writeLayers(model, weights);
  const output = state.add('Activation', [logits.layer], {
    name: 'probabilities',
    config: { activation: options.activation },
  });
  const shardFiles = shards(concatenated(state.weights));
  const metadata: LayersModelMetadata = {
    format: 1,
    classNames: [...options.classNames],
    logitsLayer: logits.layer,
    preprocessing: options.preprocessing,
    notes: Object.fromEntries(options.notes ?? []),
  };
  const json = {
    format: 'layers-model',
    generatedBy: 'consilium',
    convertedBy: null,
    modelTopology: {
      class_name: 'Functional',
      config: {
        name: 'consilium',
        layers: state.layers,
        input_layers: [['images', 0, 0]],
        output_layers: [[output, 0, 0]],
      },
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
    },
    weightsManifest: [
      {
        paths: [...shardFiles.keys()],
        weights: state.weights.map(({ name, dims }) => ({ name, shape: dims, dtype: 'float32' })),
      },
    ],
    userDefinedMetadata: { consilium: metadata },
  };
  return { files: new Map([['model.json', Buffer.from(`${JSON.stringify(json)}\n`)], ...shardFiles]) };
}
