/**
 * A model or a training step as a graph of operators, in ONNX's terms (onnx.proto, IR version 10; operator set 21).
 * Plain data: nothing here runs anything.
 */

export type DType = 'float32' | 'int64' | 'bool';

/** A size; a string is a symbolic size, allowed only as the batch dimension of a forward graph ("N"). */
export type Dim = number | string;

export interface TensorType {
  readonly dtype: DType;
  readonly dims: readonly number[];
}

export interface FloatTensor {
  readonly dtype: 'float32';
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface Int64Tensor {
  readonly dtype: 'int64';
  readonly dims: readonly number[];
  /** Every value is a safe integer. */
  readonly data: readonly number[];
}

export type Tensor = FloatTensor | Int64Tensor;

export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] };

export type Attributes = Readonly<Record<string, Attribute>>;

/**
 * '' is the ONNX standard; 'consilium' holds our abstract operators (gradients, training forms), which `lower`
 * replaces before a graph is written or run; the two others are ONNX Runtime's own.
 */
export type Domain = '' | 'consilium' | 'com.microsoft' | 'com.microsoft.nchwc';

export interface Node {
  readonly name: string;
  readonly domain: Domain;
  readonly op: string;
  /** Value names; '' is an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** An input or output of a graph. */
export interface GraphValue {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly Dim[];
}

/** Nodes are in topological order; every value has exactly one producer. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphValue[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly Node[];
  readonly outputs: readonly GraphValue[];
}

export type ParameterKind =
  | 'kernel'
  | 'bias'
  | 'normScale'
  | 'normShift'
  /** Running statistics of batch normalisation: never trained by gradients, updated by averaging. */
  | 'runningMean'
  | 'runningVariance';

export type Initializer =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  /** N(0, 2/fanIn): He et al. 2015, §2.2. */
  | { readonly kind: 'he'; readonly fanIn: number }
  /** U(±√(6/(fanIn+fanOut))): Glorot, Bengio 2010, eq. 16. */
  | { readonly kind: 'glorot'; readonly fanIn: number; readonly fanOut: number }
  /** Values read from a file. */
  | { readonly kind: 'given'; readonly values: Float32Array };

export interface Parameter {
  readonly name: string;
  readonly dims: readonly number[];
  readonly kind: ParameterKind;
  readonly trainable: boolean;
  /** Keeps its value, a running statistic included; it is not trainable then. */
  readonly frozen?: boolean;
  /** Multiplies the learning rate. Default 1. */
  readonly learningRateFactor?: number;
  readonly initializer: Initializer;
}

/**
 * A classifier: a forward graph whose inputs are `images` [N, channels, height, width] and every parameter by its
 * name, and whose one output is `logits` [N, classes].
 */
export interface Model {
  readonly graph: Graph;
  readonly parameters: readonly Parameter[];
  /** [channels, height, width] */
  readonly imageDims: readonly [number, number, number];
  readonly classCount: number;
}
