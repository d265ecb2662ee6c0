/** Import of element-wise operators: activations and arithmetic with broadcasting. */
import { GraphError } from '../../../errors.ts';
import { describeNode, float, floatOf, intOf } from '../../graph/attributes.ts';
import { NOMINAL_BATCH } from '../../graph/builder.ts';
import { broadcastDims, normalizeAxis, sameDims } from '../../graph/shapes.ts';
import { sizeOf } from '../../weights.ts';
import { computed, constantOf, known, singleValue } from '../constant.ts';
import { holdsBatch } from '../import-context.ts';
import type { ImportOperator, ImportRule, NodeView } from '../node-view.ts';
import { castTarget } from '../shape-arguments.ts';

const unary = (...attributes: readonly string[]): ImportOperator => ({
  attributes,
  rule: (view) => [computed(view.context.emit(view.node.op, [view.tensor(0)], view.node.attributes))],
});

/** Arithmetic of pixels with a constant is preprocessing: the constant is not trained. */
const binary: ImportRule = (view) => {
  const { context, node } = view;
  const values = [view.value(0), view.value(1)];
  const isPreprocessing = values.some((value) => context.isPixels(value));
  const inputs = values.map((value) =>
    isPreprocessing && value.kind === 'constant' ? context.constant(value.constant) : context.tensor(value),
  );
  const output = context.emit(node.op, inputs);
  if (isPreprocessing && values.every((value) => value.kind === 'constant' || context.isPixels(value)))
    context.markPixels(output);
  return [computed(output)];
};

const sum: ImportRule = (view) => {
  const inputs = view.node.inputs.map((_, index) => view.tensor(index));
  return [computed(inputs.reduce((total, input) => view.context.emit('Add', [total, input])))];
};

/** A constant bound of Min or Max is a Clip. */
const bound =
  (side: 'low' | 'high'): ImportRule =>
  (view) => {
    const { context, node } = view;
    const values = node.inputs.map((_, index) => view.value(index));
    const limit = values.find((value) => value.kind === 'constant');
    const x = values.find((value) => value.kind === 'graph');
    if (values.length !== 2 || limit?.kind !== 'constant' || x?.kind !== 'graph')
      throw new GraphError(`${describeNode(node)} is supported with one constant number only.`);
    const number = context.build.scalar(singleValue(limit.constant, `The bound of ${describeNode(node)}`));
    return [computed(context.emit('Clip', side === 'low' ? [x.name, number] : [x.name, '', number]))];
  };

const clip: ImportRule = (view) => {
  const { context } = view;
  const scalar = (value: number | undefined): string =>
    value === undefined ? '' : context.build.scalar(value);
  const [low, high] = [view.number(1), view.number(2)];
  if (low === undefined && high === undefined) return [view.value(0)];
  const bounds = high === undefined ? [scalar(low)] : [scalar(low), scalar(high)];
  return [computed(context.emit('Clip', [view.tensor(0), ...bounds]))];
};

/** A square or a root where the exponent says so: both have cheaper gradients than a power. */
const pow: ImportRule = (view) => {
  const { context } = view;
  const exponent = view.number(1);
  const x = view.tensor(0);
  if (exponent === 1) return [computed(x)];
  if (exponent === 2) return [computed(context.emit('Mul', [x, x]))];
  if (exponent === 0.5) return [computed(context.emit('Sqrt', [x]))];
  return [computed(context.emit('Pow', [x, context.build.scalar(exponent ?? 1)]))];
};

const prelu: ImportRule = (view) => [
  computed(view.context.emit('PRelu', [view.tensor(0), view.tensor(1, 'bias')])),
];

/**
 * Our Softmax works on the last axis. Before operator set 13 the axes from `axis` on were one, and `axis` was 1 by
 * default.
 */
const softmax: ImportRule = (view) => {
  const { context, node } = view;
  const dims = view.dims(0);
  const old = view.opset < 13;
  const axis = normalizeAxis(intOf(node, 'axis', old ? 1 : -1), dims.length, node);
  const last = dims.length - 1;
  const x = view.tensor(0);
  if (axis === last) return [computed(context.emit('Softmax', [x]))];
  if (old) {
    const rows = context.reshape(x, [...dims.slice(0, axis), sizeOf(dims.slice(axis))]);
    return [computed(context.reshape(context.emit('Softmax', [rows]), dims))];
  }
  context.requireNoBatch(x, axis);
  const perm = dims.map((_, index) => (index === axis ? last : index === last ? axis : index));
  return [computed(context.transpose(context.emit('Softmax', [context.transpose(x, perm)]), perm))];
};

/** Between floating types nothing happens: everything is float32 here. */
const cast: ImportRule = (view) => {
  if (castTarget(view.node) !== 'float32')
    throw new GraphError(
      `${describeNode(view.node)} makes integers of computed values, which is not supported.`,
    );
  return [view.value(0)];
};

/** Every computed value is float32; so a constant becomes one too, and a computed value stays as it is. */
const castLike: ImportRule = (view) => {
  const value = view.value(0);
  if (view.type(1).dtype !== 'float32')
    throw new GraphError(
      `${describeNode(view.node)} makes integers of computed values, which is not supported.`,
    );
  if (value.kind === 'graph' || value.constant.dtype === 'float32') return [value];
  return [known(constantOf('float32', value.constant.dims, value.constant.data))];
};

/** Dropout is active in training again, whatever mode the file was exported in. */
const dropout: ImportRule = (view) => {
  const { context, node, opset } = view;
  const given = opset < 12 ? floatOf(node, 'ratio', 0.5) : view.number(1);
  const ratio = given ?? 0.5;
  if (!(ratio >= 0 && ratio < 1))
    throw new GraphError(`The ratio of ${describeNode(node)} must be in [0, 1).`);
  if (ratio === 0) return [view.value(0)];
  return [computed(context.emit('Dropout', [view.tensor(0)], { ratio: float(ratio) }, 'consilium'))];
};

/** The target shape with the batch where a file with a fixed batch size has its number. */
function forAnyBatch(view: NodeView, from: readonly number[], target: readonly number[]): readonly number[] {
  const { fileBatch } = view.context.options;
  const isFixed = from.length === target.length && from[0] === NOMINAL_BATCH && target[0] === fileBatch;
  return isFixed ? [NOMINAL_BATCH, ...target.slice(1)] : target;
}

/** Broadcasts to a constant shape; a batch in the shape is that of the images. */
const expand: ImportRule = (view) => {
  const { context, node } = view;
  const from = view.dims(0);
  const target = forAnyBatch(view, from, view.ints(1) ?? []);
  const wide = broadcastDims(from, target, node);
  if (wide.slice(1).some(holdsBatch) || (holdsBatch(wide[0] ?? 0) && wide[0] !== NOMINAL_BATCH))
    throw new GraphError(`${describeNode(node)} mixes the examples of a batch.`);
  const hasBatch = from.length === wide.length && from[0] === NOMINAL_BATCH;
  // A size of 1 keeps the batch that is there.
  const shape = wide.map((size) => (size === NOMINAL_BATCH ? 1 : size));
  const x = view.tensor(0);
  const isFilled = sameDims(shape, hasBatch ? [1, ...from.slice(1)] : from);
  const filled = isFilled ? x : context.emit('Expand', [x, context.build.ints(shape)]);
  return [computed(wide[0] === NOMINAL_BATCH && !hasBatch ? context.repeatForBatch(filled) : filled)];
};

export const ELEMENTWISE: Readonly<Record<string, ImportOperator>> = {
  Relu: unary(),
  Sigmoid: unary(),
  Tanh: unary(),
  Erf: unary(),
  Exp: unary(),
  Sqrt: unary(),
  Reciprocal: unary(),
  Neg: unary(),
  HardSwish: unary(),
  HardSigmoid: unary('alpha', 'beta'),
  Gelu: unary('approximate'),
  LeakyRelu: unary('alpha'),
  PRelu: { attributes: [], rule: prelu },
  Add: { attributes: [], rule: binary },
  Sub: { attributes: [], rule: binary },
  Mul: { attributes: [], rule: binary },
  Div: { attributes: [], rule: binary },
  Sum: { attributes: [], rule: sum },
  Min: { attributes: [], rule: bound('high') },
  Max: { attributes: [], rule: bound('low') },
  Pow: { attributes: [], rule: pow },
  Clip: { attributes: [], rule: clip },
  Softmax: { attributes: ['axis'], rule: softmax },
  Cast: { attributes: ['to', 'saturate'], rule: cast },
  CastLike: { attributes: ['saturate'], rule: castLike },
  Identity: { attributes: [], rule: (view) => [view.value(0)] },
  Dropout: { attributes: ['ratio', 'seed'], rule: dropout },
  Expand: { attributes: [], rule: expand },
};
