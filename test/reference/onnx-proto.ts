/**
 * ONNX messages through protobufjs's own parser and codec, from the definition of the fields in onnx.proto: an encoder
 * and decoder that share nothing with the ones under test, and that can write files which ours never would.
 */
import protobuf from 'protobufjs';

const DEFINITION = `
syntax = "proto2";
package onnx;
message AttributeProto {
  optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4;
  optional TensorProto t = 5; optional GraphProto g = 6;
  repeated float floats = 7; repeated int64 ints = 8; repeated bytes strings = 9;
  optional int32 type = 20; optional string ref_attr_name = 21;
}
message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
message NodeProto {
  repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
  repeated AttributeProto attribute = 5; optional string doc_string = 6; optional string domain = 7;
}
message StringStringEntryProto { optional string key = 1; optional string value = 2; }
message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
message FunctionProto { optional string name = 1; }
message ModelProto {
  optional int64 ir_version = 1; optional string producer_name = 2; optional string producer_version = 3;
  optional string doc_string = 6; optional GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8; repeated StringStringEntryProto metadata_props = 14;
  repeated FunctionProto functions = 25;
}
message GraphProto {
  repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5;
  optional string doc_string = 10;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; repeated ValueInfoProto value_info = 13;
}
message TensorProto {
  repeated int64 dims = 1; optional int32 data_type = 2;
  repeated float float_data = 4 [packed = true]; repeated int32 int32_data = 5 [packed = true];
  repeated int64 int64_data = 7 [packed = true]; optional string name = 8; optional bytes raw_data = 9;
  repeated StringStringEntryProto external_data = 13; optional int32 data_location = 14;
}
message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorTypeProto { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
message TypeProto { optional TensorTypeProto tensor_type = 1; }
`;

const modelType = protobuf.parse(DEFINITION, { keepCase: true }).root.lookupType('onnx.ModelProto');

/** A message as plain fields under their names in onnx.proto. */
export interface Fields {
  readonly [field: string]: Field | readonly Field[] | undefined;
}
type Field = string | number | Uint8Array | Fields;

export function encodeReference(model: Fields): Uint8Array {
  return modelType.encode(modelType.fromObject(model)).finish();
}

/** The model as plain JSON-like values: integers as numbers, bytes as base64. */
export function decodeReference(bytes: Uint8Array): unknown {
  return modelType.toObject(modelType.decode(bytes), { longs: Number, bytes: String });
}

/** A float32 value of the given shape; strings are symbolic sizes. */
export const valueInfo = (name: string, dims: readonly (number | string)[], elemType = 1): Fields => ({
  name,
  type: {
    tensor_type: {
      elem_type: elemType,
      shape: { dim: dims.map((dim) => (typeof dim === 'number' ? { dim_value: dim } : { dim_param: dim })) },
    },
  },
});

export const node = (
  op: string,
  input: readonly string[],
  output: readonly string[],
  rest: Fields = {},
): Fields => ({
  op_type: op,
  input,
  output,
  ...rest,
});

/** A model of operator set 21 around a graph. */
export const model = (graph: Fields, rest: Fields = {}): Fields => ({
  ir_version: 10,
  opset_import: [{ domain: '', version: 21 }],
  graph: { name: 'test', ...graph },
  ...rest,
});
