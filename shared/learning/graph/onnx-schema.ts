/**
 * The part of the ONNX file format that classifiers use: the messages of onnx.proto (ONNX IR specification,
 * github.com/onnx/onnx/blob/main/onnx/onnx.proto) as plain types, with the field numbers of the wire format.
 */

export const IR_VERSION = 10;
/** Version of the standard operator set that is written. */
export const WRITTEN_OPSET = 21;

export const MODEL_FIELD = {
  irVersion: 1,
  producerName: 2,
  producerVersion: 3,
  graph: 7,
  opsetImport: 8,
  metadata: 14,
  trainingInfo: 20,
  functions: 25,
} as const;

export const OPSET_FIELD = { domain: 1, version: 2 } as const;

export const METADATA_FIELD = { key: 1, value: 2 } as const;

export const GRAPH_FIELD = {
  node: 1,
  name: 2,
  initializer: 5,
  input: 11,
  output: 12,
  sparseInitializer: 15,
} as const;

export const NODE_FIELD = {
  input: 1,
  output: 2,
  name: 3,
  opType: 4,
  attribute: 5,
  domain: 7,
} as const;

export const ATTRIBUTE_FIELD = {
  name: 1,
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  floats: 7,
  ints: 8,
  type: 20,
  refAttrName: 21,
} as const;

/** AttributeProto.AttributeType: the kinds that are read. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

/** AttributeProto.AttributeType: names of the kinds that are refused. */
export const REFUSED_ATTRIBUTE_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'no type'],
  [5, 'a subgraph'],
  [8, 'a list of strings'],
  [9, 'a list of tensors'],
  [10, 'a list of subgraphs'],
  [11, 'a sparse tensor'],
  [12, 'a list of sparse tensors'],
  [13, 'a type'],
  [14, 'a list of types'],
]);

export const TENSOR_FIELD = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int32Data: 5,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  externalData: 13,
  dataLocation: 14,
} as const;

export const VALUE_INFO_FIELD = { name: 1, type: 2 } as const;
export const TYPE_FIELD = { tensorType: 1 } as const;
export const TENSOR_TYPE_FIELD = { elemType: 1, shape: 2 } as const;
export const SHAPE_FIELD = { dim: 1 } as const;
export const DIMENSION_FIELD = { value: 1, param: 2 } as const;

/** TensorProto.DataType: the element types that are read. */
export const DATA_TYPE = { float32: 1, int64: 7, bool: 9 } as const;

/** TensorProto.DataType: names for error messages. */
export const DATA_TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'undefined'],
  [1, 'float32'],
  [2, 'uint8'],
  [3, 'int8'],
  [4, 'uint16'],
  [5, 'int16'],
  [6, 'int32'],
  [7, 'int64'],
  [8, 'string'],
  [9, 'bool'],
  [10, 'float16'],
  [11, 'double'],
  [12, 'uint32'],
  [13, 'uint64'],
  [14, 'complex64'],
  [15, 'complex128'],
  [16, 'bfloat16'],
  [17, 'float8e4m3fn'],
  [18, 'float8e4m3fnuz'],
  [19, 'float8e5m2'],
  [20, 'float8e5m2fnuz'],
  [21, 'uint4'],
  [22, 'int4'],
  [23, 'float4e2m1'],
]);

export interface TensorMessage {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array | undefined;
  readonly floatData: readonly number[];
  readonly int64Data: readonly number[];
  /** Values of the narrow integer types, bool and float16 (as bits). */
  readonly int32Data: readonly number[];
  readonly doubleData: readonly number[];
  /** Where the values lie in another file: location, offset, length as the file writes them. */
  readonly externalData: ReadonlyMap<string, string>;
  /** Present when the values lie in another file. */
  readonly external: boolean;
}

export interface AttributeMessage {
  readonly name: string;
  readonly type: number;
  readonly float: number;
  readonly int: number;
  readonly string: string;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly tensor: TensorMessage | undefined;
  /** Set inside a function body only; such attributes are refused. */
  readonly refAttrName: string;
}

export interface NodeMessage {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeMessage[];
}

/** A size, a symbolic size, or undefined where the file says neither. */
export type DimMessage = number | string | undefined;

export interface ValueInfoMessage {
  readonly name: string;
  /** 0 where the value is no tensor or has no type. */
  readonly elemType: number;
  /** undefined where the file gives no shape. */
  readonly dims: readonly DimMessage[] | undefined;
}

export interface GraphMessage {
  readonly name: string;
  readonly nodes: readonly NodeMessage[];
  readonly initializers: readonly TensorMessage[];
  readonly inputs: readonly ValueInfoMessage[];
  readonly outputs: readonly ValueInfoMessage[];
  readonly hasSparseInitializers: boolean;
}

export interface OpsetMessage {
  readonly domain: string;
  readonly version: number;
}

export interface ModelMessage {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly opsets: readonly OpsetMessage[];
  readonly graph: GraphMessage | undefined;
  readonly metadata: ReadonlyMap<string, string>;
  readonly hasFunctions: boolean;
  readonly hasTrainingInfo: boolean;
}
