/** An ONNX file as a graph of standard operators with its constants: decoded, bounded and ordered, not yet understood. */
import { GraphError } from '../../errors.ts';
import { decodeModel } from '../graph/onnx-decode.ts';
import { attributeFromMessage, isStandard, requireGraph } from '../graph/onnx-file.ts';
import { quoted, type OnnxLimits } from '../graph/onnx-limits.ts';
import { requireOpset } from '../graph/onnx-opsets.ts';
import {
  ATTRIBUTE_TYPE,
  type AttributeMessage,
  type GraphMessage,
  type NodeMessage,
  type ValueInfoMessage,
} from '../graph/onnx-schema.ts';
import { topologicalOrder } from '../graph/topological-order.ts';
import type { Attribute, Node } from '../graph/types.ts';
import { constantOf, type Constant } from './constant.ts';
import { readTensor, type ExternalData } from './tensor-values.ts';

export interface ForeignInput {
  readonly name: string;
  readonly elemType: number;
  /** A number, a name, or undefined where the file leaves the size open. */
  readonly dims: readonly (number | string | undefined)[];
}

export interface ForeignGraph {
  readonly name: string;
  readonly producer: string;
  readonly opset: number;
  readonly inputs: readonly ForeignInput[];
  readonly outputs: readonly string[];
  /** Those that the first output needs, each after what it uses. */
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Constant>;
}

type TensorReader = (attribute: AttributeMessage, where: string) => Constant;

const labelOf = (message: NodeMessage, index: number): string =>
  message.name === '' ? `number ${String(index + 1)}` : quoted(message.name);

/** A tensor attribute of one value (ConstantOfShape has one) is an ordinary number to us. */
function numberAttribute(constant: Constant, where: string): Attribute {
  const [value] = constant.data;
  if (constant.data.length !== 1 || value === undefined)
    throw new GraphError(`A tensor attribute of ${where} has more than one value, which is not supported.`);
  return { kind: constant.dtype === 'float32' ? 'float' : 'int', value };
}

function nodeOf(message: NodeMessage, index: number, readValue: TensorReader): Node {
  const label = labelOf(message, index);
  if (!isStandard(message.domain))
    throw new GraphError(
      `Operator ${quoted(`${message.domain}.${message.opType}`)} (node ${label}) is not a standard ONNX operator and not supported.`,
    );
  const attributes = new Map<string, Attribute>();
  for (const attribute of message.attributes) {
    const where = `node ${label}`;
    if (attributes.has(attribute.name))
      throw new GraphError(`Attribute ${quoted(attribute.name)} of ${where} is there twice.`);
    const value =
      attribute.type === ATTRIBUTE_TYPE.tensor
        ? numberAttribute(readValue(attribute, where), where)
        : attributeFromMessage(attribute, where);
    attributes.set(attribute.name, value);
  }
  const { inputs, outputs } = message;
  const name = message.name === '' ? (outputs[0] ?? '') : message.name;
  return {
    name,
    domain: '',
    op: message.opType,
    inputs,
    outputs,
    attributes: Object.fromEntries(attributes),
  };
}

/** What a Constant node holds. */
function constantOfNode(message: NodeMessage, label: string, readValue: TensorReader): Constant {
  const [attribute, ...others] = message.attributes;
  if (!attribute || others.length > 0)
    throw new GraphError(`Constant node ${label} must have exactly one attribute.`);
  if (attribute.type === ATTRIBUTE_TYPE.tensor) return readValue(attribute, `node ${label}`);
  const value = attributeFromMessage(attribute, `node ${label}`);
  switch (value.kind) {
    case 'int':
      return constantOf('int64', [], [value.value]);
    case 'ints':
      return constantOf('int64', [value.value.length], value.value);
    case 'float':
      return constantOf('float32', [], [value.value]);
    case 'floats':
      return constantOf('float32', [value.value.length], value.value);
    case 'string':
      throw new GraphError(`Constant node ${label} holds a string, which is not supported.`);
  }
}

const isConstant = ({ opType, domain }: NodeMessage): boolean => opType === 'Constant' && isStandard(domain);

/** The nodes on which the value depends, in their order. */
function neededNodes(nodes: readonly Node[], output: string): readonly Node[] {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const needed = new Set<Node>();
  const open = [output];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name);
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    for (const input of node.inputs) if (input !== '') open.push(input);
  }
  return nodes.filter((node) => needed.has(node));
}

function inputOf({ name, elemType, dims }: ValueInfoMessage): ForeignInput {
  if (!dims) throw new GraphError(`Input ${quoted(name)} has no shape.`);
  return { name, elemType, dims };
}

/** Everything constant in the graph by name: initialisers, then Constant nodes. */
function readConstants(
  graph: GraphMessage,
  limits: OnnxLimits,
  external: ExternalData | undefined,
  readValue: TensorReader,
): ReadonlyMap<string, Constant> {
  let externalBytes = 0;
  const takeBytes = (bytes: number): void => {
    externalBytes += bytes;
    if (externalBytes > limits.totalTensorBytes)
      throw new GraphError(
        `The model has more than ${String(limits.totalTensorBytes)} bytes of external data.`,
      );
  };
  const constants = new Map<string, Constant>();
  const add = (name: string, constant: Constant): void => {
    if (name === '') throw new GraphError('A constant has no name.');
    if (constants.has(name)) throw new GraphError(`Constant ${quoted(name)} is there twice.`);
    constants.set(name, constant);
  };
  for (const tensor of graph.initializers) {
    const constant = readTensor(tensor, limits, external, takeBytes);
    add(tensor.name, constant.dtype === 'float32' ? { ...constant, origin: tensor.name } : constant);
  }
  graph.nodes.forEach((node, index) => {
    if (isConstant(node)) add(node.outputs[0] ?? '', constantOfNode(node, labelOf(node, index), readValue));
  });
  return constants;
}

/** @throws GraphError when the file is broken, too large, cyclic, or not made of standard operators */
export function readForeignGraph(
  bytes: Uint8Array,
  limits: OnnxLimits,
  external: ExternalData | undefined,
): ForeignGraph {
  const model = decodeModel(bytes, limits);
  const graph = requireGraph(model);
  const opset = requireOpset(model.opsets.find(({ domain }) => isStandard(domain))?.version);
  const readValue: TensorReader = (attribute, where) => {
    if (attribute.tensor === undefined) throw new GraphError(`A tensor attribute of ${where} has no value.`);
    return readTensor(attribute.tensor, limits, undefined, () => undefined);
  };
  const constants = readConstants(graph, limits, external, readValue);
  const nodes = graph.nodes.flatMap((node, index) =>
    isConstant(node) ? [] : [nodeOf(node, index, readValue)],
  );
  // Before IR version 4 every initialiser was listed as an input too.
  const inputs = graph.inputs.filter(({ name }) => !constants.has(name)).map(inputOf);
  const given = new Set([...inputs.map(({ name }) => name), ...constants.keys()]);
  const outputs = graph.outputs.map(({ name }) => name);
  const ordered = topologicalOrder(nodes, given);
  return {
    name: graph.name,
    producer: model.producerName,
    opset,
    inputs,
    outputs,
    nodes: neededNodes(ordered, outputs[0] ?? ''),
    constants,
  };
}
