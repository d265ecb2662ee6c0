/**
 * Interprets a graph in TensorFlow.js, operator by operator, by the `tensorflow` rules of the operators. Images are in
 * NHWC order inside, because the native backend's convolutions exist only in that order on a CPU.
 */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { operatorOf } from '../differentiate.ts';
import { describeNode } from '../graph/attributes.ts';
import { constantInts, type GraphBuilder } from '../graph/builder.ts';
import type { Node } from '../graph/types.ts';
import type { TensorFlowContext } from '../ops/operator.ts';
import { fromImage, toImage } from '../ops/tensorflow-rules.ts';
import type { TensorFlow } from './tensorflow-library.ts';

interface Value {
  readonly tensor: tf.Tensor;
  /** The tensor is in NHWC order. */
  readonly isImage: boolean;
}

/** The float32 constants that the nodes use, as tensors that the caller disposes. */
export function constantTensors(lib: TensorFlow, build: GraphBuilder): ReadonlyMap<string, tf.Tensor> {
  const tensors = new Map<string, tf.Tensor>();
  for (const name of build.nodes.flatMap((node) => node.inputs)) {
    const constant = build.constant(name);
    if (constant?.dtype !== 'float32' || tensors.has(name)) continue;
    tensors.set(name, lib.tensor(constant.data, [...constant.dims]));
  }
  return tensors;
}

function contextOf(
  lib: TensorFlow,
  build: GraphBuilder,
  node: Node,
  values: ReadonlyMap<string, Value>,
): TensorFlowContext {
  const value = (index: number): Value => {
    const found = values.get(node.inputs[index] ?? '');
    if (found === undefined) {
      throw new GraphError(`Input ${String(index)} of ${describeNode(node)} is missing.`);
    }
    return found;
  };
  const plain = (index: number): tf.Tensor => {
    const { tensor, isImage } = value(index);
    return isImage ? fromImage(lib, tensor) : tensor;
  };
  const image = (index: number): tf.Tensor4D => {
    const { tensor, isImage } = value(index);
    if (tensor.rank !== 4) {
      throw new GraphError(`Input ${String(index)} of ${describeNode(node)} must have rank 4.`);
    }
    return isImage ? (tensor as tf.Tensor4D) : toImage(lib, tensor); // the rank is checked above
  };
  return {
    tf: lib,
    node,
    has: (index) => (node.inputs[index] ?? '') !== '',
    plain,
    image,
    asHandedOn: (index) => (value(index).tensor.rank === 4 ? image(index) : plain(index)),
    constantInts: (index) => constantInts(node, index, (name) => build.constant(name)),
    type: (name) => build.typeOf(name),
  };
}

/**
 * Runs every node and returns a reader of the values, in ONNX's order. Call it inside `tf.tidy`.
 * @param given inputs, parameters and constants by name, in ONNX's order
 * @throws GraphError when an operator has no TensorFlow.js rule
 */
export function interpret(
  lib: TensorFlow,
  build: GraphBuilder,
  given: Iterable<readonly [string, tf.Tensor]>,
): (name: string) => tf.Tensor {
  const values = new Map<string, Value>();
  for (const [name, tensor] of given) values.set(name, { tensor, isImage: false });
  for (const node of build.nodes) {
    const outputs = operatorOf(node).tensorflow?.(contextOf(lib, build, node, values));
    if (outputs === undefined) throw new GraphError(`${describeNode(node)} has no TensorFlow.js rule.`);
    node.outputs.forEach((name, index) => {
      const tensor = outputs[index];
      if (tensor !== undefined) values.set(name, { tensor, isImage: tensor.rank === 4 });
    });
  }
  return (name) => {
    const found = values.get(name);
    if (found === undefined) throw new GraphError(`Value "${name}" does not exist.`);
    return found.isImage ? fromImage(lib, found.tensor) : found.tensor;
  };
}
