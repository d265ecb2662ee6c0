/**
 * Pieces that several operators' TensorFlow.js rules share: the two memory orders, broadcasting across them, and
 * sliding windows that every backend can differentiate.
 */
import type * as tf from '@tensorflow/tfjs';
import { sameDims, windowOf, windowOutput, type Window } from '../graph/shapes.ts';
import type { TensorFlowContext } from './operator.ts';

type TensorFlow = typeof tf;

const TO_IMAGE = [0, 2, 3, 1];
const FROM_IMAGE = [0, 3, 1, 2];

/** [N, H, W, C] of a value of rank 4 in ONNX's order. */
export const toImage = (lib: TensorFlow, value: tf.Tensor): tf.Tensor4D =>
  lib.transpose(value as tf.Tensor4D, TO_IMAGE); // the caller has checked the rank

/** [N, C, H, W] of an image. */
export const fromImage = (lib: TensorFlow, image: tf.Tensor): tf.Tensor => lib.transpose(image, FROM_IMAGE);

/** The form in which a node hands on a value that it computed in ONNX's order. */
export const handOn = (lib: TensorFlow, value: tf.Tensor): tf.Tensor =>
  value.rank === 4 ? toImage(lib, value) : value;

/** The axis of an image that holds axis `axis` of ONNX's order. */
export const imageAxis = (axis: number): number => TO_IMAGE.indexOf(axis);

/** TensorFlow.js rule of an element-wise operator of one input: the memory order does not matter. */
export const tensorflowUnary =
  (apply: (lib: TensorFlow, x: tf.Tensor) => tf.Tensor) =>
  (context: TensorFlowContext): readonly tf.Tensor[] => [apply(context.tf, context.asHandedOn(0))];

/** An input of an element-wise operator with broadcasting, laid out as the output is. */
function operand(context: TensorFlowContext, index: number, outputRank: number): tf.Tensor {
  if (outputRank !== 4) return context.plain(index);
  const rank = context.type(context.node.inputs[index] ?? '').dims.length;
  if (rank === 4) return context.image(index);
  const value = context.plain(index);
  const missing = new Array<number>(4 - rank).fill(1);
  return toImage(context.tf, context.tf.reshape(value, [...missing, ...value.shape]));
}

/** TensorFlow.js rule of an element-wise operator of two inputs with broadcasting. */
export const tensorflowBinary =
  (apply: (lib: TensorFlow, a: tf.Tensor, b: tf.Tensor) => tf.Tensor) =>
  (context: TensorFlowContext): readonly tf.Tensor[] => {
    const rank = context.type(context.node.outputs[0] ?? '').dims.length;
    return [apply(context.tf, operand(context, 0, rank), operand(context, 1, rank))];
  };

/** TensorFlow.js rule of an operator that only gives the values of input 0 other dimensions, in ONNX's order. */
export const tensorflowReshape = (context: TensorFlowContext): readonly tf.Tensor[] => {
  const { dims } = context.type(context.node.outputs[0] ?? '');
  return [handOn(context.tf, context.tf.reshape(context.plain(0), [...dims]))];
};

/** An image whose windows a backend can slide over without padding and dilation. */
export interface ValidWindows {
  readonly image: tf.Tensor4D;
  readonly kernel: [number, number];
  readonly strides: [number, number];
  /** Output height and width. */
  readonly output: readonly [number, number];
  readonly window: Window;
}

/** For each output position the input positions under its window, one after the other. */
function windowPositions(count: number, kernel: number, stride: number, dilation: number): number[] {
  return Array.from({ length: count * kernel }, (_, i) => {
    return Math.floor(i / kernel) * stride + (i % kernel) * dilation;
  });
}

/**
 * Pads image 0 with `padding` and writes dilated windows out side by side, because the backends differentiate neither
 * explicit padding of pools nor dilation together with strides.
 */
export function validWindows(
  context: TensorFlowContext,
  padding: number,
  kernelDims?: readonly number[],
): ValidWindows {
  const { tf: lib, node } = context;
  const { dims } = context.type(node.inputs[0] ?? '');
  const window = windowOf(node, dims, kernelDims);
  const output = windowOutput(node, dims, window);
  const [top, left, bottom, right] = window.pads;
  let image = context.image(0);
  if (!sameDims(window.pads, [0, 0, 0, 0])) {
    image = lib.pad(
      image,
      [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ],
      padding,
    );
  }
  const kernel: [number, number] = [...window.kernel];
  const strides: [number, number] = [...window.strides];
  if (sameDims(window.dilations, [1, 1])) return { image, kernel, strides, output, window };
  for (const axis of [0, 1] as const) {
    const positions = windowPositions(output[axis], kernel[axis], strides[axis], window.dilations[axis]);
    image = lib.gather(image, lib.tensor1d(positions, 'int32'), axis + 1);
  }
  return { image, kernel, strides: [...kernel], output, window };
}
