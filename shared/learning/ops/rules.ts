/** Pieces that several operators' rules share. */
import { GraphError } from '../../errors.ts';
import { describeNode, int } from '../graph/attributes.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { broadcastDims, float32, sameDims } from '../graph/shapes.ts';
import type { TensorType } from '../graph/types.ts';
import type { GradientContext, ShapeContext } from './operator.ts';

/** Shape rule of an element-wise operator of one input. */
export const sameAsInput = (context: ShapeContext): readonly TensorType[] => [float32(context.input(0).dims)];

/** Shape rule of an element-wise operator of two inputs with broadcasting. */
export function broadcastInputs(context: ShapeContext): readonly TensorType[] {
  for (const type of [context.input(0), context.input(1)]) {
    if (type.dtype !== 'float32') throw new GraphError(`${describeNode(context.node)} needs float32 inputs.`);
  }
  return [float32(broadcastDims(context.input(0).dims, context.input(1).dims, context.node))];
}

/** Sums a gradient over the axes along which a value was broadcast, so that it has the value's shape again. */
export function reduceTo(build: GraphBuilder, gradient: string, dims: readonly number[]): string {
  const from = build.typeOf(gradient).dims;
  if (sameDims(from, dims)) return gradient;
  const lead = from.length - dims.length;
  const axes = from.map((_, axis) => axis).filter((axis) => axis < lead || dims[axis - lead] !== from[axis]);
  const summed = build.op('ReduceSum', [gradient, build.ints(axes)], { keepdims: int(0) });
  return build.op('Reshape', [summed, build.ints(dims)]);
}

/** Reshapes to fixed dimensions; nothing where they are the same. */
export function reshape(build: GraphBuilder, value: string, dims: readonly number[]): string {
  return sameDims(build.typeOf(value).dims, dims) ? value : build.op('Reshape', [value, build.ints(dims)]);
}

/** Gradient rule of an element-wise operator with one input: upstream gradient times what `derivative` names. */
export const elementwise =
  (derivative: (context: GradientContext) => string) =>
  (context: GradientContext): readonly (string | undefined)[] => [derivative(context)];

/** The first output of the node whose gradient is taken. */
export function outputOf(context: GradientContext): string {
  const [name] = context.node.outputs;
  if (name === undefined) throw new GraphError(`${describeNode(context.node)} has no output.`);
  return name;
}
