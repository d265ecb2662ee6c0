/**
 * ONNX messages to bytes, over the wire-format writer of protobufjs. Empty strings and lists are left out, as
 * proto2 allows, so that equal models give equal bytes.
 */
import protobuf from 'protobufjs/minimal.js';
import {
  ATTRIBUTE_FIELD,
  ATTRIBUTE_TYPE,
  DIMENSION_FIELD,
  GRAPH_FIELD,
  METADATA_FIELD,
  MODEL_FIELD,
  NODE_FIELD,
  OPSET_FIELD,
  SHAPE_FIELD,
  TENSOR_FIELD,
  TENSOR_TYPE_FIELD,
  TYPE_FIELD,
  VALUE_INFO_FIELD,
  type AttributeMessage,
  type DimMessage,
  type GraphMessage,
  type ModelMessage,
  type NodeMessage,
  type TensorMessage,
  type ValueInfoMessage,
} from './onnx-schema.ts';

type Writer = protobuf.Writer;

/** Wire types of the protocol buffer encoding (protobuf.dev/programming-guides/encoding). */
const VARINT = 0;
const DELIMITED = 2;
const FIXED32 = 5;

const varint = (writer: Writer, field: number, value: number): Writer =>
  writer.uint32((field << 3) | VARINT).int64(value);

const text = (writer: Writer, field: number, value: string): Writer =>
  value === '' ? writer : writer.uint32((field << 3) | DELIMITED).string(value);

const texts = (writer: Writer, field: number, values: readonly string[]): void => {
  // Unlike `text`, keeps empty strings: an omitted optional input has a place in the list.
  for (const value of values) writer.uint32((field << 3) | DELIMITED).string(value);
};

function nested(writer: Writer, field: number, body: (writer: Writer) => void): void {
  writer.uint32((field << 3) | DELIMITED).fork();
  body(writer);
  writer.ldelim();
}

function encodeTensor(writer: Writer, tensor: TensorMessage): void {
  for (const dim of tensor.dims) varint(writer, TENSOR_FIELD.dims, dim);
  varint(writer, TENSOR_FIELD.dataType, tensor.dataType);
  text(writer, TENSOR_FIELD.name, tensor.name);
  if (tensor.rawData) writer.uint32((TENSOR_FIELD.rawData << 3) | DELIMITED).bytes(tensor.rawData);
}

function encodeAttribute(writer: Writer, attribute: AttributeMessage): void {
  text(writer, ATTRIBUTE_FIELD.name, attribute.name);
  switch (attribute.type) {
    case ATTRIBUTE_TYPE.float:
      writer.uint32((ATTRIBUTE_FIELD.float << 3) | FIXED32).float(attribute.float);
      break;
    case ATTRIBUTE_TYPE.int:
      varint(writer, ATTRIBUTE_FIELD.int, attribute.int);
      break;
    case ATTRIBUTE_TYPE.string:
      writer.uint32((ATTRIBUTE_FIELD.string << 3) | DELIMITED).string(attribute.string);
      break;
    case ATTRIBUTE_TYPE.floats:
      for (const value of attribute.floats)
        writer.uint32((ATTRIBUTE_FIELD.floats << 3) | FIXED32).float(value);
      break;
    case ATTRIBUTE_TYPE.ints:
      for (const value of attribute.ints) varint(writer, ATTRIBUTE_FIELD.ints, value);
      break;
  }
  varint(writer, ATTRIBUTE_FIELD.type, attribute.type);
}

function encodeNode(writer: Writer, node: NodeMessage): void {
  texts(writer, NODE_FIELD.input, node.inputs);
  texts(writer, NODE_FIELD.output, node.outputs);
  text(writer, NODE_FIELD.name, node.name);
  text(writer, NODE_FIELD.opType, node.opType);
  for (const attribute of node.attributes)
    nested(writer, NODE_FIELD.attribute, (w) => {
      encodeAttribute(w, attribute);
    });
  text(writer, NODE_FIELD.domain, node.domain);
}

function encodeDim(writer: Writer, dim: DimMessage): void {
  if (typeof dim === 'number') varint(writer, DIMENSION_FIELD.value, dim);
  else if (dim !== undefined) text(writer, DIMENSION_FIELD.param, dim);
}

function encodeShape(writer: Writer, dims: readonly DimMessage[]): void {
  for (const dim of dims)
    nested(writer, SHAPE_FIELD.dim, (w) => {
      encodeDim(w, dim);
    });
}

function encodeValueInfo(writer: Writer, info: ValueInfoMessage): void {
  text(writer, VALUE_INFO_FIELD.name, info.name);
  if (info.elemType === 0) return;
  nested(writer, VALUE_INFO_FIELD.type, (type) => {
    nested(type, TYPE_FIELD.tensorType, (tensor) => {
      varint(tensor, TENSOR_TYPE_FIELD.elemType, info.elemType);
      const { dims } = info;
      if (dims)
        nested(tensor, TENSOR_TYPE_FIELD.shape, (shape) => {
          encodeShape(shape, dims);
        });
    });
  });
}

function encodeGraph(writer: Writer, graph: GraphMessage): void {
  for (const node of graph.nodes)
    nested(writer, GRAPH_FIELD.node, (w) => {
      encodeNode(w, node);
    });
  text(writer, GRAPH_FIELD.name, graph.name);
  for (const tensor of graph.initializers)
    nested(writer, GRAPH_FIELD.initializer, (w) => {
      encodeTensor(w, tensor);
    });
  for (const input of graph.inputs)
    nested(writer, GRAPH_FIELD.input, (w) => {
      encodeValueInfo(w, input);
    });
  for (const output of graph.outputs)
    nested(writer, GRAPH_FIELD.output, (w) => {
      encodeValueInfo(w, output);
    });
}

/** The bytes of a model file. */
export function encodeModel(model: ModelMessage): Uint8Array {
  const writer = protobuf.Writer.create();
  varint(writer, MODEL_FIELD.irVersion, model.irVersion);
  text(writer, MODEL_FIELD.producerName, model.producerName);
  text(writer, MODEL_FIELD.producerVersion, model.producerVersion);
  const { graph } = model;
  if (graph)
    nested(writer, MODEL_FIELD.graph, (w) => {
      encodeGraph(w, graph);
    });
  for (const opset of model.opsets)
    nested(writer, MODEL_FIELD.opsetImport, (w) => {
      text(w, OPSET_FIELD.domain, opset.domain);
      varint(w, OPSET_FIELD.version, opset.version);
    });
  for (const [key, value] of model.metadata)
    nested(writer, MODEL_FIELD.metadata, (w) => {
      text(w, METADATA_FIELD.key, key);
      text(w, METADATA_FIELD.value, value);
    });
  return writer.finish();
}
