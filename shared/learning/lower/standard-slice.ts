/** The gradient of Slice in standard operators. */
import { requiredInts } from '../graph/attributes.ts';
import { sameDims } from '../graph/shapes.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';

/** [.., n, ..] → [.., n·step, ..]: each value followed by step − 1 zeros. */
function spread(
  context: LowerContext,
  value: string,
  dims: readonly number[],
  axis: number,
  step: number,
): string {
  const { emit } = context;
  const [before, count, after] = [dims.slice(0, axis), dims[axis] ?? 0, dims.slice(axis + 1)];
  const column = emit.reshape(value, [...before, count, 1, ...after]);
  const none = Array<number>(dims.length + 1).fill(0);
  const padded = emit.pad(column, [...none, ...none.map((_, a) => (a === axis + 1 ? step - 1 : 0))]);
  return emit.reshape(padded, [...before, count * step, ...after]);
}

export const sliceGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const dims = requiredInts(node, 'dims');
  const starts = requiredInts(node, 'starts');
  const steps = requiredInts(node, 'steps');
  let value = context.plain(inputOf(node, 0));
  let sizes = context.dims(inputOf(node, 0));
  dims.forEach((size, axis) => {
    const step = steps[axis] ?? 1;
    if (step === 1) return;
    value = spread(context, value, sizes, axis, step);
    // What the last value's zeros add beyond the end is cut off again.
    const room = Math.min((sizes[axis] ?? 0) * step, size - (starts[axis] ?? 0));
    if (room < (sizes[axis] ?? 0) * step) value = emit.slice(value, [axis], [0], [room]);
    sizes = sizes.map((old, a) => (a === axis ? room : old));
  });
  const after = dims.map((size, axis) => size - (starts[axis] ?? 0) - (sizes[axis] ?? 0));
  context.setPlain(outputOf(node), sameDims(sizes, dims) ? value : emit.pad(value, [...starts, ...after]));
  return true;
};
