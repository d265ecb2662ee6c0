/**
 * Bytes to ONNX messages, over the wire-format reader of protobufjs. The messages are read by hand rather than by
 * protobufjs's own decoder so that every count is checked against the limits before its element is made: a few
 * megabytes of empty nodes would otherwise become gigabytes of objects. Messages do not nest into themselves
 * (subgraphs are skipped, then refused), so the depth of recursion is that of this file.
 */
import protobuf from 'protobufjs/minimal.js';
import { GraphError, messageOf } from '../../errors.ts';
import { createBudget, quoted, type Budget, type OnnxLimits } from './onnx-limits.ts';
import {
  ATTRIBUTE_FIELD,
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
  type OpsetMessage,
  type TensorMessage,
  type ValueInfoMessage,
} from './onnx-schema.ts';
import { fieldsOf, type Fields } from './onnx-wire.ts';

function decodeTensor(fields: Fields, budget: Budget): TensorMessage {
  const dims: number[] = [];
  const floatData: number[] = [];
  const int64Data: number[] = [];
  const int32Data: number[] = [];
  const doubleData: number[] = [];
  const externalData = new Map<string, string>();
  let name = '';
  let dataType = 0;
  let rawData: Uint8Array | undefined;
  let external = false;
  const takeDim = (): void => {
    if (dims.length >= budget.limits.tensorRank)
      throw new GraphError(`A tensor has more than ${String(budget.limits.tensorRank)} dimensions.`);
  };
  const takeBytes = (each: number) => (count: number) => {
    budget.take('totalTensorBytes', count * each);
  };
  fields((field) => {
    switch (field.number) {
      case TENSOR_FIELD.dims:
        field.ints(dims, takeDim);
        return true;
      case TENSOR_FIELD.dataType:
        dataType = field.int();
        return true;
      case TENSOR_FIELD.floatData:
        field.floats(floatData, takeBytes(4));
        return true;
      case TENSOR_FIELD.int64Data:
        field.nearestInts(int64Data, takeBytes(8));
        return true;
      case TENSOR_FIELD.int32Data:
        field.ints(int32Data, takeBytes(4));
        return true;
      case TENSOR_FIELD.doubleData:
        field.doubles(doubleData, takeBytes(8));
        return true;
      case TENSOR_FIELD.name:
        name = field.text();
        return true;
      case TENSOR_FIELD.rawData:
        rawData = field.bytes();
        budget.take('totalTensorBytes', rawData.length);
        return true;
      case TENSOR_FIELD.externalData:
        external = true;
        budget.take('attributes', 1);
        externalData.set(...field.message(decodeMetadata));
        return true;
      case TENSOR_FIELD.dataLocation:
        if (field.int() !== 0) external = true;
        return true;
      default:
        return false;
    }
  });
  return {
    name,
    dims,
    dataType,
    rawData,
    floatData,
    int64Data,
    int32Data,
    doubleData,
    externalData,
    external,
  };
}

function decodeAttribute(fields: Fields, budget: Budget): AttributeMessage {
  const floats: number[] = [];
  const ints: number[] = [];
  const result = { name: '', type: 0, float: 0, int: 0, string: '', refAttrName: '' };
  let tensor: TensorMessage | undefined;
  const take = (count: number): void => {
    budget.take('attributeValues', count);
  };
  fields((field) => {
    switch (field.number) {
      case ATTRIBUTE_FIELD.name:
        result.name = field.text();
        return true;
      case ATTRIBUTE_FIELD.float:
        result.float = field.float();
        return true;
      case ATTRIBUTE_FIELD.int:
        result.int = field.int();
        return true;
      case ATTRIBUTE_FIELD.string:
        result.string = field.text();
        return true;
      case ATTRIBUTE_FIELD.tensor:
        tensor = field.message((inner) => decodeTensor(inner, budget));
        return true;
      case ATTRIBUTE_FIELD.floats:
        field.floats(floats, take);
        return true;
      case ATTRIBUTE_FIELD.ints:
        field.nearestInts(ints, take);
        return true;
      case ATTRIBUTE_FIELD.type:
        result.type = field.int();
        return true;
      case ATTRIBUTE_FIELD.refAttrName:
        result.refAttrName = field.text();
        return true;
      default:
        return false;
    }
  });
  return { ...result, floats, ints, tensor };
}

function decodeNode(fields: Fields, budget: Budget): NodeMessage {
  const result = { name: '', opType: '', domain: '' };
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: AttributeMessage[] = [];
  fields((field) => {
    switch (field.number) {
      case NODE_FIELD.input:
        budget.take('valueReferences', 1);
        inputs.push(field.text());
        return true;
      case NODE_FIELD.output:
        budget.take('valueReferences', 1);
        outputs.push(field.text());
        return true;
      case NODE_FIELD.name:
        result.name = field.text();
        return true;
      case NODE_FIELD.opType:
        result.opType = field.text();
        return true;
      case NODE_FIELD.attribute:
        budget.take('attributes', 1);
        attributes.push(field.message((inner) => decodeAttribute(inner, budget)));
        return true;
      case NODE_FIELD.domain:
        result.domain = field.text();
        return true;
      default:
        return false;
    }
  });
  return { ...result, inputs, outputs, attributes };
}

function decodeDim(fields: Fields): DimMessage {
  let dim: DimMessage;
  fields((field) => {
    switch (field.number) {
      case DIMENSION_FIELD.value:
        dim = field.int();
        return true;
      case DIMENSION_FIELD.param:
        dim = field.text();
        return true;
      default:
        return false;
    }
  });
  return dim;
}

function decodeShape(fields: Fields, budget: Budget): readonly DimMessage[] {
  const dims: DimMessage[] = [];
  fields((field) => {
    if (field.number !== SHAPE_FIELD.dim) return false;
    if (dims.length >= budget.limits.tensorRank)
      throw new GraphError(`A value has more than ${String(budget.limits.tensorRank)} dimensions.`);
    dims.push(field.message(decodeDim));
    return true;
  });
  return dims;
}

type TypeMessage = Omit<ValueInfoMessage, 'name'>;
const NO_TYPE: TypeMessage = { elemType: 0, dims: undefined };

function decodeTensorType(fields: Fields, budget: Budget): TypeMessage {
  let elemType = 0;
  let dims: readonly DimMessage[] | undefined;
  fields((field) => {
    switch (field.number) {
      case TENSOR_TYPE_FIELD.elemType:
        elemType = field.int();
        return true;
      case TENSOR_TYPE_FIELD.shape:
        dims = field.message((inner) => decodeShape(inner, budget));
        return true;
      default:
        return false;
    }
  });
  return { elemType, dims };
}

function decodeType(fields: Fields, budget: Budget): TypeMessage {
  let type = NO_TYPE;
  fields((field) => {
    if (field.number !== TYPE_FIELD.tensorType) return false;
    type = field.message((inner) => decodeTensorType(inner, budget));
    return true;
  });
  return type;
}

function decodeValueInfo(fields: Fields, budget: Budget): ValueInfoMessage {
  let name = '';
  let type = NO_TYPE;
  fields((field) => {
    switch (field.number) {
      case VALUE_INFO_FIELD.name:
        name = field.text();
        return true;
      case VALUE_INFO_FIELD.type:
        type = field.message((inner) => decodeType(inner, budget));
        return true;
      default:
        return false;
    }
  });
  return { name, ...type };
}

function decodeGraph(fields: Fields, budget: Budget): GraphMessage {
  const nodes: NodeMessage[] = [];
  const initializers: TensorMessage[] = [];
  const inputs: ValueInfoMessage[] = [];
  const outputs: ValueInfoMessage[] = [];
  let name = '';
  let hasSparseInitializers = false;
  fields((field) => {
    switch (field.number) {
      case GRAPH_FIELD.node:
        budget.take('nodes', 1);
        nodes.push(field.message((inner) => decodeNode(inner, budget)));
        return true;
      case GRAPH_FIELD.name:
        name = field.text();
        return true;
      case GRAPH_FIELD.initializer:
        budget.take('initializers', 1);
        initializers.push(field.message((inner) => decodeTensor(inner, budget)));
        return true;
      case GRAPH_FIELD.input:
        budget.take('valueReferences', 1);
        inputs.push(field.message((inner) => decodeValueInfo(inner, budget)));
        return true;
      case GRAPH_FIELD.output:
        budget.take('valueReferences', 1);
        outputs.push(field.message((inner) => decodeValueInfo(inner, budget)));
        return true;
      case GRAPH_FIELD.sparseInitializer:
        hasSparseInitializers = true;
        return false;
      default:
        return false;
    }
  });
  return { name, nodes, initializers, inputs, outputs, hasSparseInitializers };
}

function decodeOpset(fields: Fields): OpsetMessage {
  const opset = { domain: '', version: 0 };
  fields((field) => {
    switch (field.number) {
      case OPSET_FIELD.domain:
        opset.domain = field.text();
        return true;
      case OPSET_FIELD.version:
        opset.version = field.int();
        return true;
      default:
        return false;
    }
  });
  return opset;
}

function decodeMetadata(fields: Fields): readonly [string, string] {
  let key = '';
  let value = '';
  fields((field) => {
    switch (field.number) {
      case METADATA_FIELD.key:
        key = field.text();
        return true;
      case METADATA_FIELD.value:
        value = field.text();
        return true;
      default:
        return false;
    }
  });
  return [key, value];
}

function decodeModelFields(fields: Fields, budget: Budget): ModelMessage {
  const result = { irVersion: 0, producerName: '', producerVersion: '' };
  const opsets: OpsetMessage[] = [];
  const metadata = new Map<string, string>();
  let graph: GraphMessage | undefined;
  let hasFunctions = false;
  let hasTrainingInfo = false;
  fields((field) => {
    switch (field.number) {
      case MODEL_FIELD.irVersion:
        result.irVersion = field.int();
        return true;
      case MODEL_FIELD.producerName:
        result.producerName = field.text();
        return true;
      case MODEL_FIELD.producerVersion:
        result.producerVersion = field.text();
        return true;
      case MODEL_FIELD.graph:
        if (graph) throw new GraphError('The file holds two graphs.');
        graph = field.message((inner) => decodeGraph(inner, budget));
        return true;
      case MODEL_FIELD.opsetImport:
        budget.take('metadataEntries', 1);
        opsets.push(field.message(decodeOpset));
        return true;
      case MODEL_FIELD.metadata: {
        budget.take('metadataEntries', 1);
        const [key, value] = field.message(decodeMetadata);
        if (metadata.has(key)) throw new GraphError(`The metadata has the key ${quoted(key)} twice.`);
        metadata.set(key, value);
        return true;
      }
      case MODEL_FIELD.functions:
        hasFunctions = true;
        return false;
      case MODEL_FIELD.trainingInfo:
        hasTrainingInfo = true;
        return false;
      default:
        return false;
    }
  });
  return { ...result, opsets, graph, metadata, hasFunctions, hasTrainingInfo };
}

/**
 * The messages of a model file. Texts and raw tensor bytes of the result may be views of `bytes`.
 * @throws GraphError when the bytes are no such file, are truncated, or pass a limit.
 */
export function decodeModel(bytes: Uint8Array, limits: OnnxLimits): ModelMessage {
  if (bytes.length > limits.fileBytes)
    throw new GraphError(
      `The file has ${String(bytes.length)} bytes; ${String(limits.fileBytes)} are allowed.`,
    );
  const budget = createBudget(limits);
  try {
    return decodeModelFields(fieldsOf(protobuf.Reader.create(bytes), budget), budget);
  } catch (error) {
    if (error instanceof GraphError) throw error;
    // protobufjs reports broken encodings as bare errors.
    throw new GraphError(`This is no readable ONNX file: ${messageOf(error)}.`, { cause: error });
  }
}
