/** Slice (ONNX Slice-13) with constant bounds and positive steps. */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, ints, requiredInts } from '../graph/attributes.ts';
import { float32, normalizeAxis } from '../graph/shapes.ts';
import type { Node, TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { handOn } from './tensorflow-rules.ts';

/** What a slice takes of one axis. */
export interface AxisSlice {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** For every axis of `dims` what the slice takes. @throws GraphError for a step that is not positive. */
export function slicesOf(
  node: Node,
  dims: readonly number[],
  constantInts: (index: number) => readonly number[] | undefined,
): readonly AxisSlice[] {
  const starts = constantInts(1) ?? [];
  const ends = constantInts(2) ?? [];
  const axes = constantInts(3) ?? starts.map((_, axis) => axis);
  const steps = constantInts(4) ?? starts.map(() => 1);
  const slices = dims.map((size): AxisSlice => ({ start: 0, step: 1, count: size }));
  starts.forEach((given, index) => {
    const axis = normalizeAxis(axes[index] ?? 0, dims.length, node);
    const size = dims[axis] ?? 0;
    const step = steps[index] ?? 1;
    if (step < 1) throw new GraphError(`${describeNode(node)} has a step that is not positive.`);
    const clamp = (value: number): number => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
    const start = clamp(given);
    const count = Math.max(0, Math.ceil((clamp(ends[index] ?? size) - start) / step));
    slices[axis] = { start, step, count };
  });
  return slices;
}

function infer(context: ShapeContext): readonly TensorType[] {
  const slices = slicesOf(context.node, context.input(0).dims, (index) => context.constantInts(index));
  return [float32(slices.map(({ count }) => count))];
}

/** The gradient at what was taken, zero elsewhere. */
function gradient(context: GradientContext): readonly (string | undefined)[] {
  const { build, node } = context;
  const { dims } = context.type(context.input(0));
  const slices = slicesOf(node, dims, (index) => context.constantInts(index));
  return build.own('SliceGrad', [context.outputGradient], {
    dims: ints(dims),
    starts: ints(slices.map(({ start }) => start)),
    steps: ints(slices.map(({ step }) => step)),
  });
}

/** Gathers where there are steps: TensorFlow.js does not differentiate its strided slice. */
function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  let value = context.plain(0);
  slicesOf(node, value.shape, (index) => context.constantInts(index)).forEach(
    ({ start, step, count }, axis) => {
      if (step === 1 && count === value.shape[axis]) return;
      const positions = Array.from({ length: count }, (_, index) => start + index * step);
      value = lib.gather(value, lib.tensor1d(positions, 'int32'), axis);
    },
  );
  return [handOn(lib, value)];
}

export const slice: Operator = {
  domain: '',
  op: 'Slice',
  inputCount: { min: 3, max: 5 },
  infer,
  gradient,
  tensorflow,
};

/** (dy) → zeros of attribute `dims` with dy from `starts` on, every `steps`. */
export const sliceGrad: Operator = {
  domain: 'consilium',
  op: 'SliceGrad',
  inputCount: { min: 1, max: 1 },
  infer: ({ node }) => [float32(requiredInts(node, 'dims'))],
};
