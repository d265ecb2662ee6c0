/** Import of normalisation layers and reductions. */
import { GraphError } from '../../../errors.ts';
import { describeNode, float, floatOf, int, intOf } from '../../graph/attributes.ts';
import type { Node } from '../../graph/types.ts';
import { NORMALIZATION_EPSILON } from '../../ops/batch-normalization.ts';
import { sizeOf } from '../../weights.ts';
import { computed, constantOf, known, originOf, type Value } from '../constant.ts';
import { holdsBatch, type ImportContext } from '../import-context.ts';
import type { ImportOperator, ImportRule, NodeView } from '../node-view.ts';

const epsilonOf = (node: Node) => ({ epsilon: float(floatOf(node, 'epsilon', NORMALIZATION_EPSILON)) });

/** Runs `layer` on [N, C, …] as an image [N, C, L, 1] where it is none. */
function asImage(view: NodeView, layer: (image: string) => string): Value {
  const { context } = view;
  const dims = view.dims(0);
  const [batch = 0, channels = 0, ...rest] = dims;
  const x = view.tensor(0);
  if (dims.length === 4) return computed(layer(x));
  if (dims.length < 2) throw new GraphError(`${describeNode(view.node)} needs a value with channels.`);
  return computed(context.reshape(layer(context.reshape(x, [batch, channels, sizeOf(rest), 1])), dims));
}

/** In whatever mode the file was exported: whether it is trained or frozen is decided here. */
const batchNormalization: ImportRule = (view) => {
  const { context, node } = view;
  const parameters = (['normScale', 'normShift', 'runningMean', 'runningVariance'] as const).map(
    (kind, index) => view.tensor(index + 1, kind),
  );
  const layer = (image: string): string =>
    context.emit('BatchNormalization', [image, ...parameters], epsilonOf(node));
  return [asImage(view, layer)];
};

function groupNormalized(view: NodeView, groups: number, scale: string, shift: string): Value {
  const attributes = { num_groups: int(groups), ...epsilonOf(view.node) };
  return asImage(view, (image) => view.context.emit('GroupNormalization', [image, scale, shift], attributes));
}

/** One group a channel. */
const instanceNormalization: ImportRule = (view) => [
  groupNormalized(view, view.dims(0)[1] ?? 0, view.tensor(1, 'normScale'), view.tensor(2, 'normShift')),
];

/** Before operator set 21 scale and shift were one value a group; each channel gets its own copy. */
const groupNormalization: ImportRule = (view) => {
  const { context, node } = view;
  const groups = intOf(node, 'num_groups', 0);
  const channels = view.dims(0)[1] ?? 0;
  const parameter = (index: number, kind: 'normScale' | 'normShift'): string => {
    const value = view.value(index);
    if (value.kind !== 'constant' || value.constant.dtype !== 'float32' || view.opset >= 21)
      return view.tensor(index, kind);
    const { data } = value.constant;
    const spread = Array.from({ length: channels }, (_, c) => data[Math.floor((c * groups) / channels)] ?? 0);
    const each = {
      ...constantOf('float32', [channels], spread),
      ...originOf(value.constant),
    };
    return context.tensor(known(each), kind);
  };
  return [groupNormalized(view, groups, parameter(1, 'normScale'), parameter(2, 'normShift'))];
};

const layerNormalization: ImportRule = (view) => {
  const { context, node } = view;
  const inputs = [view.tensor(0), view.tensor(1, 'normScale')];
  if (view.has(2)) inputs.push(view.tensor(2, 'normShift'));
  const attributes = { axis: int(intOf(node, 'axis', -1)), ...epsilonOf(node) };
  return [computed(context.emit('LayerNormalization', inputs, attributes))];
};

/** The axes of a reduction, ascending; all of them where none are given. */
function reducedAxes(view: NodeView, since: number): readonly number[] {
  const rank = view.dims(0).length;
  const given = view.axes(since, rank);
  if (given !== undefined && given.length > 0) return [...given].sort((a, b) => a - b);
  if (intOf(view.node, 'noop_with_empty_axes', 0) === 1) return [];
  return Array.from({ length: rank }, (_, axis) => axis);
}

interface Reduction {
  readonly op: 'ReduceSum' | 'ReduceMean';
  readonly x: string;
  readonly axes: readonly number[];
  readonly keep: boolean;
}

/** The mean over height and width is the operator that has kernels of its own everywhere. */
function reduced(context: ImportContext, { op, x, axes, keep }: Reduction): string {
  const { dims } = context.build.typeOf(x);
  for (const axis of axes) context.requireNoBatch(x, axis);
  if (axes.length === 0) return x;
  const isImageMean = op === 'ReduceMean' && dims.length === 4 && axes.join() === '2,3';
  if (isImageMean && holdsBatch(dims[0] ?? 0)) {
    const mean = context.emit('GlobalAveragePool', [x]);
    return keep ? mean : context.reshape(mean, dims.slice(0, 2));
  }
  return context.emit(op, [x, context.build.ints(axes)], { keepdims: int(keep ? 1 : 0) });
}

const keeps = ({ node }: NodeView): boolean => intOf(node, 'keepdims', 1) === 1;

/** @param since the operator set that made the axes an input */
const reduction =
  (op: Reduction['op'], since: number): ImportRule =>
  (view) => {
    const axes = reducedAxes(view, since);
    return [computed(reduced(view.context, { op, x: view.tensor(0), axes, keep: keeps(view) }))];
  };

/** √Σx². */
const reduceL2: ImportRule = (view) => {
  const { context } = view;
  const x = view.tensor(0);
  const squares = context.emit('Mul', [x, x]);
  const axes = reducedAxes(view, 18);
  const sum = reduced(context, { op: 'ReduceSum', x: squares, axes, keep: keeps(view) });
  return [computed(context.emit('Sqrt', [sum]))];
};

const REDUCTION = ['axes', 'keepdims', 'noop_with_empty_axes'];

export const NORMALIZATION: Readonly<Record<string, ImportOperator>> = {
  // `momentum` and `training_mode` are decided by the recipe, and images need no `spatial`.
  BatchNormalization: { attributes: ['epsilon', 'momentum', 'training_mode'], rule: batchNormalization },
  InstanceNormalization: { attributes: ['epsilon'], rule: instanceNormalization },
  GroupNormalization: { attributes: ['epsilon', 'num_groups', 'stash_type'], rule: groupNormalization },
  LayerNormalization: { attributes: ['axis', 'epsilon', 'stash_type'], rule: layerNormalization },
  ReduceMean: { attributes: REDUCTION, rule: reduction('ReduceMean', 18) },
  ReduceSum: { attributes: REDUCTION, rule: reduction('ReduceSum', 13) },
  ReduceL2: { attributes: REDUCTION, rule: reduceL2 },
};
