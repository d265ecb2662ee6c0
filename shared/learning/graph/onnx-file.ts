/**
 * Graphs as ONNX files (IR version 10, operator set 21) and back. What is read is checked piece by piece: limits,
 * encoding, element types, operators by name, order, shapes. A graph that comes back can be differentiated and run.
 */
import { GraphError } from '../../errors.ts';
import { SUPPORTED_OPERATORS } from '../ops/registry.ts';
import { sizeOf } from '../weights.ts';
import { describeNode } from './attributes.ts';
import { GraphBuilder, NOMINAL_BATCH } from './builder.ts';
import { requireKnownAttributes } from './onnx-attributes.ts';
import { decodeModel } from './onnx-decode.ts';
import { dropoutFromOnnx, dropoutToOnnx } from './onnx-dropout.ts';
import { encodeModel } from './onnx-encode.ts';
import { DEFAULT_ONNX_LIMITS, quoted, type OnnxLimits } from './onnx-limits.ts';
import { requireOpset, requireSameMeaning } from './onnx-opsets.ts';
import {
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  IR_VERSION,
  REFUSED_ATTRIBUTE_TYPES,
  WRITTEN_OPSET,
  type AttributeMessage,
  type GraphMessage,
  type ModelMessage,
  type NodeMessage,
  type TensorMessage,
  type ValueInfoMessage,
} from './onnx-schema.ts';
import { dtypeOf, tensorFromMessage, tensorToMessage } from './onnx-tensor.ts';
import { topologicalOrder } from './topological-order.ts';
import type { Attribute, Dim, Graph, GraphValue, Node, Tensor } from './types.ts';

export interface WriteOnnxOptions {
  /** Name and version of the program that writes; default "consilium" without a version. */
  readonly producer?: { readonly name: string; readonly version: string };
  /** Written as the file's metadata_props, in this order. */
  readonly metadata?: ReadonlyMap<string, string>;
}

const EMPTY_ATTRIBUTE: AttributeMessage = {
  name: '',
  type: 0,
  float: 0,
  int: 0,
  string: '',
  floats: [],
  ints: [],
  tensor: undefined,
  refAttrName: '',
};

function attributeToMessage(name: string, attribute: Attribute): AttributeMessage {
  const base = { ...EMPTY_ATTRIBUTE, name, type: ATTRIBUTE_TYPE[attribute.kind] };
  switch (attribute.kind) {
    case 'int':
      return { ...base, int: attribute.value };
    case 'float':
      return { ...base, float: attribute.value };
    case 'string':
      return { ...base, string: attribute.value };
    case 'ints':
      return { ...base, ints: attribute.value };
    case 'floats':
      return { ...base, floats: attribute.value };
  }
}

function nodeToMessage(node: Node): NodeMessage {
  if (node.domain === 'consilium')
    throw new GraphError(`Operator "${node.op}" is our own: lower the graph before it is written.`);
  return {
    name: node.name,
    opType: node.op,
    domain: node.domain,
    inputs: node.inputs,
    outputs: node.outputs,
    attributes: Object.entries(node.attributes).map(([name, value]) => attributeToMessage(name, value)),
  };
}

const valueToMessage = ({ name, dtype, dims }: GraphValue): ValueInfoMessage => ({
  name,
  elemType: DATA_TYPE[dtype],
  dims,
});

/** The standard operator set, and version 1 of ONNX Runtime's own domains where they are used. */
function opsetsOf(graph: Graph): ModelMessage['opsets'] {
  const runtimeDomains = new Set(graph.nodes.map((node) => node.domain).filter((domain) => domain !== ''));
  return [
    { domain: '', version: WRITTEN_OPSET },
    ...[...runtimeDomains].sort().map((domain) => ({ domain, version: 1 })),
  ];
}

/**
 * The graph as the bytes of an ONNX file; equal graphs give equal bytes.
 * @throws GraphError when the graph still has operators of our own domain.
 */
export function writeOnnx(source: Graph, options: WriteOnnxOptions = {}): Uint8Array {
  const graph = dropoutToOnnx(source);
  return encodeModel({
    irVersion: IR_VERSION,
    producerName: options.producer?.name ?? 'consilium',
    producerVersion: options.producer?.version ?? '',
    opsets: opsetsOf(graph),
    metadata: options.metadata ?? new Map(),
    hasFunctions: false,
    hasTrainingInfo: false,
    graph: {
      name: graph.name,
      nodes: graph.nodes.map(nodeToMessage),
      initializers: [...graph.constants].map(([name, tensor]) => tensorToMessage(name, tensor)),
      inputs: graph.inputs.map(valueToMessage),
      outputs: graph.outputs.map(valueToMessage),
      hasSparseInitializers: false,
    },
  });
}

/** ONNX names its standard domain in two ways. */
export const isStandard = (domain: string): boolean => domain === '' || domain === 'ai.onnx';

export function attributeFromMessage(message: AttributeMessage, where: string): Attribute {
  if (message.refAttrName !== '')
    throw new GraphError(
      `Attribute ${quoted(message.name)} of ${where} refers to a function, which is not supported.`,
    );
  switch (message.type) {
    case ATTRIBUTE_TYPE.int:
      return { kind: 'int', value: message.int };
    case ATTRIBUTE_TYPE.float:
      return { kind: 'float', value: message.float };
    case ATTRIBUTE_TYPE.string:
      return { kind: 'string', value: message.string };
    case ATTRIBUTE_TYPE.ints:
      return { kind: 'ints', value: message.ints };
    case ATTRIBUTE_TYPE.floats:
      return { kind: 'floats', value: message.floats };
    default: {
      const kind =
        message.type === ATTRIBUTE_TYPE.tensor ? 'a tensor' : REFUSED_ATTRIBUTE_TYPES.get(message.type);
      throw new GraphError(
        `Attribute ${quoted(message.name)} of ${where} has ${kind ?? 'an unknown type'}, which is not supported.`,
      );
    }
  }
}

function attributesFromMessage(message: NodeMessage, where: string): Readonly<Record<string, Attribute>> {
  const attributes = new Map<string, Attribute>();
  for (const attribute of message.attributes) {
    if (attributes.has(attribute.name))
      throw new GraphError(`Attribute ${quoted(attribute.name)} of ${where} is there twice.`);
    attributes.set(attribute.name, attributeFromMessage(attribute, where));
  }
  return Object.fromEntries(attributes);
}

/** Operators of a file: the standard ones, and Constant, which becomes one. */
const READABLE_OPERATORS = new Set([...SUPPORTED_OPERATORS, 'Constant']);

function nodeFromMessage(message: NodeMessage, index: number, opset: number): Node {
  const label = message.name === '' ? `number ${String(index + 1)}` : quoted(message.name);
  const name = isStandard(message.domain) ? message.opType : `${message.domain}.${message.opType}`;
  if (!isStandard(message.domain) || !READABLE_OPERATORS.has(name))
    throw new GraphError(
      `Operator ${quoted(name)} (node ${label}) is not supported; supported: ${[...READABLE_OPERATORS].join(', ')}.`,
    );
  const node: Node = {
    name: message.name,
    domain: '',
    op: message.opType,
    inputs: message.inputs,
    outputs: message.outputs,
    attributes: attributesFromMessage(message, `node ${label}`),
  };
  requireSameMeaning(node, opset);
  requireKnownAttributes(node);
  return node;
}

/** The tensor of a Constant node, which is read as an initialiser. */
function constantOfNode(message: NodeMessage, limits: OnnxLimits): Tensor {
  const [attribute, ...others] = message.attributes;
  if (!attribute || others.length > 0)
    throw new GraphError(`Constant node ${quoted(message.name)} must have exactly one attribute.`);
  const { name, type, tensor } = attribute;
  if (name === 'value' && type === ATTRIBUTE_TYPE.tensor && tensor) return tensorFromMessage(tensor, limits);
  const value = attributeFromMessage(attribute, `Constant node ${quoted(message.name)}`);
  switch (value.kind) {
    case 'int':
      return { dtype: 'int64', dims: [], data: [value.value] };
    case 'ints':
      return { dtype: 'int64', dims: [value.value.length], data: value.value };
    case 'float':
      return { dtype: 'float32', dims: [], data: Float32Array.of(value.value) };
    case 'floats':
      return { dtype: 'float32', dims: [value.value.length], data: Float32Array.from(value.value) };
    case 'string':
      throw new GraphError(`Constant node ${quoted(message.name)} holds a string, which is not supported.`);
  }
}

const isConstantNode = (message: NodeMessage): boolean =>
  message.opType === 'Constant' && isStandard(message.domain);

function readConstants(graph: GraphMessage, limits: OnnxLimits): ReadonlyMap<string, Tensor> {
  const constants = new Map<string, Tensor>();
  const add = (name: string, tensor: Tensor): void => {
    if (name === '') throw new GraphError('A constant has no name.');
    if (constants.has(name)) throw new GraphError(`Constant ${quoted(name)} is there twice.`);
    constants.set(name, tensor);
  };
  for (const message of graph.initializers) add(message.name, readInitializer(message, limits));
  for (const message of graph.nodes)
    if (isConstantNode(message)) add(message.outputs[0] ?? '', constantOfNode(message, limits));
  return constants;
}

const readInitializer = (message: TensorMessage, limits: OnnxLimits): Tensor =>
  tensorFromMessage(message, limits);

/** A fixed size, or "N" for a batch of any size. @throws GraphError for any other open size. */
function dimFromMessage(dim: number | string | undefined, axis: number, name: string): Dim {
  if (typeof dim === 'number') {
    if (dim > 0) return dim;
    throw new GraphError(`Input ${quoted(name)} has the size ${String(dim)} in dimension ${String(axis)}.`);
  }
  if (axis === 0) return 'N';
  throw new GraphError(
    `Input ${quoted(name)} leaves dimension ${String(axis)} open; only the batch (dimension 0) may be.`,
  );
}

function inputFromMessage(message: ValueInfoMessage): GraphValue {
  const what = `Input ${quoted(message.name)}`;
  if (!message.dims) throw new GraphError(`${what} has no shape.`);
  return {
    name: message.name,
    dtype: dtypeOf(message.elemType, what),
    dims: message.dims.map((dim, axis) => dimFromMessage(dim, axis, message.name)),
  };
}

export function requireGraph(model: ModelMessage): GraphMessage {
  if (model.graph === undefined) throw new GraphError('This is no ONNX model: it holds no graph.');
  if (model.hasFunctions)
    throw new GraphError('The file defines functions of its own, which are not supported.');
  if (model.hasTrainingInfo)
    throw new GraphError('The file holds training information, which is not supported.');
  if (model.graph.hasSparseInitializers)
    throw new GraphError('The file holds sparse tensors, which are not supported.');
  if (model.graph.outputs.length === 0) throw new GraphError('The graph has no output.');
  return model.graph;
}

const withOwnDropout = (node: Node, constants: ReadonlyMap<string, Tensor>): Node =>
  node.op === 'Dropout' ? dropoutFromOnnx(node, constants) : node;

/** Bounds what running the graph would allocate: huge paddings or kernels need few bytes in a file. */
export function requireBounded(node: Node, dims: readonly number[], limits: OnnxLimits): void {
  if (dims.length > limits.tensorRank)
    throw new GraphError(
      `${describeNode(node)} makes a value of ${String(dims.length)} dimensions; ` +
        `${String(limits.tensorRank)} are allowed.`,
    );
  const perExample = sizeOf(dims[0] === NOMINAL_BATCH ? dims.slice(1) : dims);
  if (perExample > limits.tensorElements)
    throw new GraphError(
      `${describeNode(node)} makes a value of ${String(perExample)} elements an example; ` +
        `${String(limits.tensorElements)} are allowed.`,
    );
}

interface GraphParts {
  readonly limits: OnnxLimits;
  readonly message: GraphMessage;
  readonly inputs: readonly GraphValue[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly Node[];
}

/** Orders the nodes and infers every shape; constants that nothing uses are left out. */
function buildGraph({ limits, message, inputs, constants, nodes }: GraphParts): Graph {
  const outputs = message.outputs.map(({ name }) => name);
  const used = new Set([...outputs, ...nodes.flatMap((node) => node.inputs)]);
  const given = new Set([...inputs.map(({ name }) => name), ...constants.keys()]);
  const build = new GraphBuilder(message.name === '' ? 'graph' : message.name);
  for (const { name, dims, dtype } of inputs) build.input(name, dims, dtype);
  for (const [name, tensor] of constants) if (used.has(name)) build.namedConstant(name, tensor);
  for (const node of topologicalOrder(nodes, given))
    for (const output of build.add(node.op, node.inputs, node.attributes, node))
      if (output !== '') requireBounded(node, build.typeOf(output).dims, limits);
  return build.build(outputs);
}

export interface OnnxFile {
  readonly graph: Graph;
  readonly metadata: ReadonlyMap<string, string>;
  readonly producer: string;
}

/** As `readOnnx`, with the file's metadata. */
export function readOnnxFile(bytes: Uint8Array, limits: OnnxLimits = DEFAULT_ONNX_LIMITS): OnnxFile {
  const model = decodeModel(bytes, limits);
  const message = requireGraph(model);
  const opset = requireOpset(model.opsets.find(({ domain }) => isStandard(domain))?.version);
  const constants = readConstants(message, limits);
  // Before IR version 4 every initialiser was listed as an input too.
  const inputs = message.inputs.filter(({ name }) => !constants.has(name)).map(inputFromMessage);
  const nodes = message.nodes.flatMap((node, index) =>
    isConstantNode(node) ? [] : [withOwnDropout(nodeFromMessage(node, index, opset), constants)],
  );
  const graph = buildGraph({ limits, message, inputs, constants, nodes });
  return { graph, metadata: model.metadata, producer: model.producerName };
}

/**
 * The graph of an ONNX file: initialisers and Constant nodes are its constants, nodes are in topological order,
 * every operator is one of ours and every shape fits.
 * @throws GraphError naming what is wrong; nothing else is ever thrown, whatever the bytes.
 */
export function readOnnx(bytes: Uint8Array, limits: OnnxLimits = DEFAULT_ONNX_LIMITS): Graph {
  return readOnnxFile(bytes, limits).graph;
}
