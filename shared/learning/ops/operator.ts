/**
 * What an operator is to us: a shape rule, a gradient rule and a TensorFlow.js rule. Adding an operator is one
 * file with such a value and one line in `registry.ts`.
 */
import type * as tf from '@tensorflow/tfjs';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Domain, Node, TensorType } from '../graph/types.ts';

export interface ShapeContext {
  readonly node: Node;
  /** Types of the inputs; undefined where an optional input is omitted. */
  readonly inputs: readonly (TensorType | undefined)[];
  /** The type of input `index`. @throws GraphError when it is omitted. */
  input(index: number): TensorType;
  /** The values of a constant int64 input; undefined when omitted. @throws GraphError when it is no such constant. */
  constantInts(index: number): readonly number[] | undefined;
}

export interface GradientContext {
  readonly node: Node;
  readonly build: GraphBuilder;
  /** Names of the gradients with respect to the outputs; undefined where an output has none. */
  readonly outputGradients: readonly (string | undefined)[];
  /** The gradient of output 0. */
  readonly outputGradient: string;
  /** Whether the gradient of input `index` is wanted. */
  needs(index: number): boolean;
  /** The type of a value of the graph. */
  type(name: string): TensorType;
  /** The name of input `index`. @throws GraphError when it is omitted. */
  input(index: number): string;
  /** Values of a constant int64 input. */
  constantInts(index: number): readonly number[] | undefined;
}

/**
 * What a TensorFlow.js rule sees. A node hands on values of rank 4 ("images") in NHWC order and every other value in
 * ONNX's order; parameters and constants are in ONNX's order.
 */
export interface TensorFlowContext {
  readonly tf: typeof tf;
  readonly node: Node;
  /** Whether input `index` is given. */
  has(index: number): boolean;
  /** Input `index` in ONNX's order. @throws GraphError when it is omitted. */
  plain(index: number): tf.Tensor;
  /** Input `index`, of rank 4, in NHWC order. @throws GraphError when it is omitted or of another rank. */
  image(index: number): tf.Tensor4D;
  /** Input `index` in the order in which a node hands on values. @throws GraphError when it is omitted. */
  asHandedOn(index: number): tf.Tensor;
  /** The values of a constant int64 input; undefined when omitted. @throws GraphError when it is no such constant. */
  constantInts(index: number): readonly number[] | undefined;
  /** The static type, in ONNX's order, of a value of the graph. */
  type(name: string): TensorType;
}

export interface Operator {
  readonly domain: Domain;
  readonly op: string;
  /** Number of inputs that a node may list. */
  readonly inputCount: { readonly min: number; readonly max: number };
  /** Types of the outputs. @throws GraphError when the inputs do not fit. */
  infer(context: ShapeContext): readonly TensorType[];
  /** Names of the gradients with respect to the inputs, undefined where there is none. Absent: not differentiable. */
  gradient?(context: GradientContext): readonly (string | undefined)[];
  /**
   * As `gradient`, but the gradient of every parameter input has one more, leading dimension with a slice per example.
   * Absent: per-example clipping does not pass a parameter here.
   */
  exampleGradient?(context: GradientContext): readonly (string | undefined)[];
  /** The outputs in TensorFlow.js. Absent: internal operator that no forward graph has. */
  tensorflow?(context: TensorFlowContext): readonly tf.Tensor[];
}
