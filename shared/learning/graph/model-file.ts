/**
 * A trained classifier as one ONNX file: the inference graph with its weights as initialisers, input `images`
 * [N, channels, height, width] (float32), outputs `logits` and `probabilities` [N, classes]. The metadata say what
 * the graph cannot: class names, preprocessing, which initialisers are parameters and of what kind.
 */
import { z } from 'zod';
import { GraphError } from '../../errors.ts';
import { manifestOf } from '../weights.ts';
import { GraphBuilder } from './builder.ts';
import { readOnnxFile, writeOnnx, type WriteOnnxOptions } from './onnx-file.ts';
import { DEFAULT_ONNX_LIMITS, quoted, type OnnxLimits } from './onnx-limits.ts';
import type { Graph, Model, Node, Parameter, ParameterKind } from './types.ts';

/** Key of the metadata entry that holds the description below as JSON. */
export const MODEL_METADATA_KEY = 'consilium.model';

const PARAMETER_KINDS = [
  'kernel',
  'bias',
  'normScale',
  'normShift',
  'runningMean',
  'runningVariance',
] as const satisfies readonly ParameterKind[];

const size = z.int().min(1);

const modelMetadata = z.strictObject({
  format: z.literal(1),
  imageDims: z.tuple([size, size, size]),
  classNames: z.array(z.string().min(1)).min(1),
  /** How `probabilities` follow from `logits`: exclusive classes, or independent ones. */
  activation: z.enum(['softmax', 'sigmoid']),
  /** In the order of the flat weights. */
  parameters: z.array(
    z.strictObject({ name: z.string().min(1), kind: z.enum(PARAMETER_KINDS), trainable: z.boolean() }),
  ),
  /** What turns an image file into `images`; whoever reads the file parses it with the preprocessing schema. */
  preprocessing: z.json(),
});
type ModelMetadata = z.infer<typeof modelMetadata>;

export interface ModelDescription {
  /** One for each logit, in their order. */
  readonly classNames: readonly string[];
  readonly activation: ModelMetadata['activation'];
  /** Any JSON value. */
  readonly preprocessing: ModelMetadata['preprocessing'];
}

export interface WriteModelOptions extends ModelDescription {
  readonly producer?: WriteOnnxOptions['producer'];
  /** Further metadata entries, for example the digest of the weights and where they come from. */
  readonly metadata?: ReadonlyMap<string, string>;
}

export interface ModelFile {
  readonly model: Model;
  /** In the layout of `manifestOf(model)`. */
  readonly weights: Float32Array;
  readonly description: ModelDescription;
  /** The entries that were given as `metadata`. */
  readonly metadata: ReadonlyMap<string, string>;
}

const ACTIVATION_OPERATOR = { softmax: 'Softmax', sigmoid: 'Sigmoid' } as const;
const PROBABILITIES = 'probabilities';

function addNodes(build: GraphBuilder, nodes: readonly Node[]): void {
  for (const node of nodes) build.add(node.op, node.inputs, node.attributes, node);
}

function inferenceGraph(
  model: Model,
  weights: Float32Array,
  activation: ModelDescription['activation'],
): Graph {
  const { graph } = model;
  const manifest = manifestOf(model);
  if (weights.length !== manifest.length)
    throw new GraphError(
      `The model has ${String(manifest.length)} weights and ${String(weights.length)} were given.`,
    );
  const build = new GraphBuilder(graph.name);
  build.input('images', ['N', ...model.imageDims]);
  for (const { name, dims, offset, length } of manifest.entries)
    build.namedConstant(name, { dtype: 'float32', dims, data: weights.subarray(offset, offset + length) });
  for (const [name, tensor] of graph.constants) build.namedConstant(name, tensor);
  addNodes(build, graph.nodes);
  build.op(
    ACTIVATION_OPERATOR[activation],
    ['logits'],
    {},
    { name: PROBABILITIES, outputs: [PROBABILITIES] },
  );
  return build.build(['logits', PROBABILITIES]);
}

/**
 * The bytes of the model file. Batch normalisation is in its inference form and dropout passes its values on.
 * @throws GraphError when the weights or the class names do not fit the model.
 */
export function writeModel(model: Model, weights: Float32Array, options: WriteModelOptions): Uint8Array {
  if (options.classNames.length !== model.classCount)
    throw new GraphError(
      `The model has ${String(model.classCount)} classes and ${String(options.classNames.length)} names were given.`,
    );
  const description: ModelMetadata = {
    format: 1,
    imageDims: [...model.imageDims],
    classNames: [...options.classNames],
    activation: options.activation,
    parameters: model.parameters.map(({ name, kind, trainable }) => ({ name, kind, trainable })),
    preprocessing: options.preprocessing,
  };
  return writeOnnx(inferenceGraph(model, weights, options.activation), {
    ...(options.producer ? { producer: options.producer } : {}),
    metadata: new Map([[MODEL_METADATA_KEY, JSON.stringify(description)], ...(options.metadata ?? [])]),
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GraphError(`The metadata entry "${MODEL_METADATA_KEY}" is no JSON.`, { cause });
  }
}

function readMetadata(metadata: ReadonlyMap<string, string>): ModelMetadata {
  const text = metadata.get(MODEL_METADATA_KEY);
  if (text === undefined)
    throw new GraphError(
      `The file has no metadata entry "${MODEL_METADATA_KEY}": it was not written by this program. Import it as a foreign model.`,
    );
  const parsed = modelMetadata.safeParse(parseJson(text));
  if (!parsed.success)
    throw new GraphError(
      `The metadata entry "${MODEL_METADATA_KEY}" is not as expected: ${z.prettifyError(parsed.error)}`,
      { cause: parsed.error },
    );
  return parsed.data;
}

function readParameters(graph: Graph, description: ModelMetadata): readonly Parameter[] {
  return description.parameters.map(({ name, kind, trainable }) => {
    const tensor = graph.constants.get(name);
    if (tensor?.dtype !== 'float32') throw new GraphError(`The file has no weights named ${quoted(name)}.`);
    if (!tensor.data.every(Number.isFinite))
      throw new GraphError(`The weights ${quoted(name)} hold a value that is not finite.`);
    return { name, kind, trainable, dims: tensor.dims, initializer: { kind: 'given', values: tensor.data } };
  });
}

/** The forward graph of a model again: parameters as inputs, and without the probabilities. */
function forwardGraph(graph: Graph, parameters: readonly Parameter[], description: ModelMetadata): Graph {
  const build = new GraphBuilder(graph.name);
  build.input('images', ['N', ...description.imageDims]);
  const names = new Set(parameters.map(({ name }) => name));
  if (names.size !== parameters.length) throw new GraphError('A parameter is listed twice in the metadata.');
  for (const { name, dims } of parameters) build.input(name, dims);
  for (const [name, tensor] of graph.constants) if (!names.has(name)) build.namedConstant(name, tensor);
  addNodes(
    build,
    graph.nodes.filter((node) => node.outputs[0] !== PROBABILITIES),
  );
  return build.build(['logits']);
}

/** Weights one after the other, in the order of the parameters. */
function flatWeights(parameters: readonly Parameter[]): Float32Array {
  const weights = new Float32Array(manifestOf({ parameters }).length);
  let offset = 0;
  for (const { initializer } of parameters)
    if (initializer.kind === 'given') {
      weights.set(initializer.values, offset);
      offset += initializer.values.length;
    }
  return weights;
}

/**
 * The model and weights of a file that `writeModel` wrote.
 * @throws GraphError for any other file, and where graph and metadata contradict each other.
 */
export function readModelFile(bytes: Uint8Array, limits: OnnxLimits = DEFAULT_ONNX_LIMITS): ModelFile {
  const { graph: inference, metadata } = readOnnxFile(bytes, limits);
  const description = readMetadata(metadata);
  const [input, ...others] = inference.inputs;
  if (input?.name !== 'images' || others.length > 0)
    throw new GraphError('A model file has one input, "images".');
  const parameters = readParameters(inference, description);
  const graph = forwardGraph(inference, parameters, description);
  const classCount = description.classNames.length;
  const dims = graph.outputs[0]?.dims ?? [];
  if (dims.length !== 2 || dims[0] !== 'N' || dims[1] !== classCount)
    throw new GraphError(
      `The logits have the shape [${dims.join(', ')}]; [N, ${String(classCount)}] is needed.`,
    );
  const { classNames, activation, preprocessing, imageDims } = description;
  return {
    model: { graph, parameters, imageDims, classCount },
    weights: flatWeights(parameters),
    description: { classNames, activation, preprocessing },
    metadata: new Map([...metadata].filter(([key]) => key !== MODEL_METADATA_KEY)),
  };
}
