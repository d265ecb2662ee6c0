/** Slice (ONNX Slice-13) with constant bounds and positive steps: the gradient of Concat. */
import { GraphError } from '../../errors.ts';
import { describeNode } from '../graph/attributes.ts';
import { float32, normalizeAxis } from '../graph/shapes.ts';
import type { TensorType } from '../graph/types.ts';
import type { Operator, ShapeContext } from './operator.ts';

function infer(context: ShapeContext): readonly TensorType[] {
  const { node } = context;
  const dims = [...context.input(0).dims];
  const starts = context.constantInts(1) ?? [];
  const ends = context.constantInts(2) ?? [];
  const axes = context.constantInts(3) ?? starts.map((_, axis) => axis);
  const steps = context.constantInts(4) ?? starts.map(() => 1);
  starts.forEach((start, index) => {
    const axis = normalizeAxis(axes[index] ?? 0, dims.length, node);
    const size = dims[axis] ?? 0;
    const step = steps[index] ?? 1;
    if (step < 1) throw new GraphError(`${describeNode(node)} has a step that is not positive.`);
    const clamp = (value: number): number => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
    dims[axis] = Math.max(0, Math.ceil((clamp(ends[index] ?? size) - clamp(start)) / step));
  });
  return [float32(dims)];
}

export const slice: Operator = { domain: '', op: 'Slice', inputCount: { min: 3, max: 5 }, infer };
