/** Import of convolutions, matrix products and pooling. Windows are written out: no automatic padding, no ceil_mode. */
import { GraphError } from '../../../errors.ts';
import { describeNode, float, floatOf, int, intOf, ints } from '../../graph/attributes.ts';
import { requireRank, windowOf, type Window } from '../../graph/shapes.ts';
import type { Attributes, ParameterKind } from '../../graph/types.ts';
import { computed } from '../constant.ts';
import type { ImportOperator, ImportRule, NodeView } from '../node-view.ts';

const windowAttributes = (w: Window): Attributes => ({
  kernel_shape: ints(w.kernel),
  strides: ints(w.strides),
  dilations: ints(w.dilations),
  pads: ints(w.pads),
});

/** Image, weights and bias where there is one. */
function linearInputs(view: NodeView): readonly string[] {
  const roles: readonly (ParameterKind | undefined)[] = [undefined, 'kernel', 'bias'];
  return roles.flatMap((role, index) => (view.has(index) ? [view.tensor(index, role)] : []));
}

const conv: ImportRule = (view) => {
  const { node, context } = view;
  const x = requireRank(node, view.type(0), 4);
  const kernel = requireRank(node, view.type(1), 4).slice(2);
  const attributes = { ...windowAttributes(windowOf(node, x, kernel)), group: int(intOf(node, 'group', 1)) };
  return [computed(context.emit('Conv', linearInputs(view), attributes))];
};

const convTranspose: ImportRule = (view) => {
  const { node, context } = view;
  requireRank(node, view.type(0), 4);
  const kept = Object.entries(node.attributes).filter(([name]) => name !== 'auto_pad' || !isNotSet(view));
  return [computed(context.emit('ConvTranspose', linearInputs(view), Object.fromEntries(kept)))];
};

const isNotSet = ({ node }: NodeView): boolean => {
  const value = node.attributes['auto_pad'];
  return value?.kind === 'string' && value.value === 'NOTSET';
};

const gemm: ImportRule = (view) => {
  const { node, context } = view;
  const attributes: Attributes = {
    alpha: float(floatOf(node, 'alpha', 1)),
    beta: float(floatOf(node, 'beta', 1)),
    transA: int(intOf(node, 'transA', 0)),
    transB: int(intOf(node, 'transB', 0)),
  };
  return [computed(context.emit('Gemm', linearInputs(view), attributes))];
};

/** Two matrices are a Gemm, which has more forms of gradients. */
const matmul: ImportRule = (view) => {
  const op = view.dims(0).length === 2 && view.dims(1).length === 2 ? 'Gemm' : 'MatMul';
  return [computed(view.context.emit(op, [view.tensor(0), view.tensor(1, 'kernel')]))];
};

/**
 * The pooling window with `ceil_mode` as padding at the end: the last window reaches beyond the image, where nothing
 * counts. A window that would lie entirely in that padding is not there (ONNX MaxPool-22, "ceil_mode").
 */
function poolWindow(view: NodeView): Window {
  const { node } = view;
  const input = requireRank(node, view.type(0), 4);
  const w = windowOf(node, input);
  if (intOf(node, 'ceil_mode', 0) === 0) return w;
  const more = ([0, 1] as const).map((axis) => {
    const size = input[2 + axis] ?? 0;
    const [before, after] = axis === 0 ? [w.pads[0], w.pads[2]] : [w.pads[1], w.pads[3]];
    const reach = (w.kernel[axis] - 1) * w.dilations[axis] + 1;
    const stride = w.strides[axis];
    let count = Math.ceil((size + before + after - reach) / stride) + 1;
    if ((count - 1) * stride >= size + before) count -= 1;
    return Math.max(0, (count - 1) * stride + reach - (size + before + after));
  });
  const [down = 0, right = 0] = more;
  if (down + right > 0 && intOf(node, 'count_include_pad', 0) === 1)
    throw new GraphError(
      `${describeNode(node)} has ceil_mode and counts its padding, which is not supported.`,
    );
  return { ...w, pads: [w.pads[0], w.pads[1], w.pads[2] + down, w.pads[3] + right] };
}

const maxPool: ImportRule = (view) => [
  computed(view.context.emit('MaxPool', [view.tensor(0)], windowAttributes(poolWindow(view)))),
];

/** A window of one pixel passes the image on: what an adaptive pooling to the size that is there becomes. */
const averagePool: ImportRule = (view) => {
  const w = poolWindow(view);
  if ([...w.kernel, ...w.strides].every((size) => size === 1) && w.pads.every((size) => size === 0))
    return [view.value(0)];
  const count = { count_include_pad: int(intOf(view.node, 'count_include_pad', 0)) };
  return [computed(view.context.emit('AveragePool', [view.tensor(0)], { ...windowAttributes(w), ...count }))];
};

const globalMaxPool: ImportRule = (view) => {
  const [, , height = 1, width = 1] = requireRank(view.node, view.type(0), 4);
  const attributes = { kernel_shape: ints([height, width]) };
  return [computed(view.context.emit('MaxPool', [view.tensor(0)], attributes))];
};

const globalAveragePool: ImportRule = (view) => [
  computed(view.context.emit('GlobalAveragePool', [view.tensor(0)])),
];

const WINDOW = ['auto_pad', 'dilations', 'kernel_shape', 'pads', 'strides'];

export const LINEAR: Readonly<Record<string, ImportOperator>> = {
  Conv: { attributes: [...WINDOW, 'group'], rule: conv },
  ConvTranspose: { attributes: [...WINDOW, 'group', 'output_padding', 'output_shape'], rule: convTranspose },
  Gemm: { attributes: ['alpha', 'beta', 'transA', 'transB'], rule: gemm },
  MatMul: { attributes: [], rule: matmul },
  // `storage_order` concerns the indices, which are not supported as a second output.
  MaxPool: { attributes: [...WINDOW, 'ceil_mode', 'storage_order'], rule: maxPool },
  AveragePool: { attributes: [...WINDOW, 'ceil_mode', 'count_include_pad'], rule: averagePool },
  GlobalMaxPool: { attributes: [], rule: globalMaxPool },
  GlobalAveragePool: { attributes: [], rule: globalAveragePool },
};
