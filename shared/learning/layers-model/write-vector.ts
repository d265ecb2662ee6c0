/** Products, element-wise operators and changes of shape of the graph as layers. */
import { floatOf, intOf } from '../graph/attributes.ts';
import { sameDims } from '../graph/shapes.ts';
import { GELU_TANH, isTanhGelu } from '../ops/gelu.ts';
import { permutationOf } from '../ops/transpose.ts';
import { permute } from './permute.ts';
import type { WriteContext, WriteRule } from './write-context.ts';
import { isPixelImage } from './write-windows.ts';
import { filled, rowsFor, type LayerValue, type Sign, type Weight } from './writer-state.ts';

const times = ({ dims, data }: Weight, factor: number): Weight => ({
  dims,
  data: factor === 1 ? data : data.map((value) => value * factor),
});

function dense(
  context: WriteContext,
  value: LayerValue,
  matrix: Weight,
  bias: Weight | undefined,
): LayerValue {
  const layer = context.state.add('Dense', [value.layer], {
    ...context.nameFrom(1),
    config: { units: matrix.dims[1], activation: 'linear', use_bias: bias !== undefined },
    weights: [['kernel', rowsFor(value, matrix)], ...(bias ? [['bias', bias] as const] : [])],
  });
  return context.state.plain(layer, context.outputDims);
}

const vectorOf = (context: WriteContext): LayerValue => {
  const value = context.value(0);
  return value.form === 'flat' ? value : context.state.toPlain(value);
};

export const writeGemm: WriteRule = (context) => {
  const { node } = context;
  if (intOf(node, 'transA', 0) !== 0) context.refuse('a transposed first input');
  const given = context.weight(1);
  const isTransposed = intOf(node, 'transB', 0) === 1;
  const matrix = isTransposed
    ? { dims: [...given.dims].reverse(), data: permute(given.data, given.dims, [1, 0]) }
    : given;
  const units = matrix.dims[1] ?? 0;
  const shift = context.has(2) ? times(context.weight(2), floatOf(node, 'beta', 1)) : undefined;
  if (shift && shift.data.length !== units && shift.data.length !== 1) context.refuse('its third input');
  const bias = shift && {
    dims: [units],
    data: shift.data.length === units ? shift.data : filled(units, shift.data[0] ?? 0),
  };
  return dense(context, vectorOf(context), times(matrix, floatOf(node, 'alpha', 1)), bias);
};

export const writeMatMul: WriteRule = (context) => {
  const matrix = context.weight(1);
  if (matrix.dims.length !== 2) context.refuse('its second input is no matrix');
  return dense(context, vectorOf(context), matrix, undefined);
};

const activation =
  (name: string, sign: Sign): WriteRule =>
  (context) =>
    context.state.unary('Activation', context.value(0), { config: { activation: name } }, sign);

export const writeRelu = activation('relu', 'nonNegative');
export const writeSigmoid = activation('sigmoid', 'nonNegative');
export const writeTanh = activation('tanh', 'any');

/** The approximation is x·sigmoid(2u) with u = √(2/π)·(x + 0.044715·x³): TensorFlow.js cannot load its own layer for it. */
export const writeGelu: WriteRule = (context) => {
  const { state, node } = context;
  if (!isTanhGelu(node)) return activation('gelu', 'any')(context);
  const value = context.value(0);
  const product = (a: LayerValue, b: LayerValue): LayerValue => ({
    ...value,
    layer: state.add('Multiply', [a.layer, b.layer]),
    sign: 'any',
  });
  const cube = product(product(value, value), value);
  const cubic = rescaled(context, cube, 2 * GELU_TANH.scale * GELU_TANH.cubic, 0);
  const linear = rescaled(context, value, 2 * GELU_TANH.scale, 0);
  const sum = { ...value, layer: state.add('Add', [linear.layer, cubic.layer]) };
  const gate = state.unary('Activation', sum, { config: { activation: 'sigmoid' } }, 'nonNegative');
  return product(value, gate);
};

export const writeSoftmax: WriteRule = (context) => {
  const input = context.state.toPlain(context.value(0));
  return context.state.unary('Activation', input, { config: { activation: 'softmax' } }, 'nonNegative');
};

export const writeLeakyRelu: WriteRule = (context) =>
  context.state.unary(
    'LeakyReLU',
    context.value(0),
    { config: { alpha: floatOf(context.node, 'alpha', 0.01) } },
    'any',
  );

/** exp(x) = elu(x) + 1 for x that are not above zero. */
export const writeExp: WriteRule = (context) => {
  const value = context.value(0);
  if (value.sign !== 'nonPositive') context.refuse('an exponential of values above zero');
  const curve = context.state.unary('Activation', value, { config: { activation: 'elu' } }, 'any');
  return { ...rescaled(context, curve, 1, 1), sign: 'nonNegative' };
};

/** scale·x + offset */
function rescaled(context: WriteContext, value: LayerValue, scale: number, offset: number): LayerValue {
  const turned = { any: 'any', nonNegative: 'nonPositive', nonPositive: 'nonNegative' } as const;
  const product = scale >= 0 ? value.sign : turned[value.sign];
  const holds = { any: false, nonNegative: offset >= 0, nonPositive: offset <= 0 }[product];
  return context.state.unary('Rescaling', value, { config: { scale, offset } }, holds ? product : 'any');
}

const upTo = (context: WriteContext, value: LayerValue, maximum: number): LayerValue =>
  context.state.unary('ReLU', value, { config: { max_value: maximum } }, 'nonNegative');

/** low + min(max(x − low, 0), high − low) */
export const writeClip: WriteRule = (context) => {
  const bound = (index: number): number | undefined =>
    context.has(index) ? context.weight(index).data[0] : undefined;
  const low = bound(1) ?? context.refuse('it has no lower bound');
  const high = bound(2);
  const value = context.value(0);
  const moved = low === 0 ? value : rescaled(context, value, 1, -low);
  const clipped =
    high === undefined
      ? context.state.unary('Activation', moved, { config: { activation: 'relu' } }, 'nonNegative')
      : upTo(context, moved, high - low);
  return low === 0 ? clipped : rescaled(context, clipped, 1, low);
};

export const writeHardSigmoid: WriteRule = (context) => {
  const { node } = context;
  const line = rescaled(context, context.value(0), floatOf(node, 'alpha', 0.2), floatOf(node, 'beta', 0.5));
  return upTo(context, line, 1);
};

/** x·relu6(x + 3)/6; patterns.ts recognises it again. */
export const writeHardSwish: WriteRule = (context) => {
  const value = context.value(0);
  const gate = rescaled(context, upTo(context, rescaled(context, value, 1, 3), 6), 1 / 6, 0);
  return { ...value, layer: context.state.add('Multiply', [value.layer, gate.layer]), sign: 'any' };
};

export const writeNeg: WriteRule = (context) => rescaled(context, context.value(0), -1, 0);

/** Two values in one form. */
function alike(context: WriteContext): readonly [LayerValue, LayerValue] {
  const { state } = context;
  const [a, b] = [context.value(0), context.value(1)];
  if (a.dims.length !== b.dims.length) context.refuse('inputs of different ranks');
  if (a.form === b.form && sameDims(a.image, b.image)) return [a, b];
  if (a.dims.length === 3) return [state.toImage(a), state.toImage(b)];
  return [state.toPlain(a), state.toPlain(b)];
}

const both = (a: Sign, b: Sign): Sign => (a === b ? a : 'any');

function merge(context: WriteContext, className: string, isNegated = false): LayerValue {
  const [a, second] = alike(context);
  const b = isNegated ? rescaled(context, second, -1, 0) : second;
  const isProduct = className === 'Multiply';
  const isSquare = isProduct && a.sign === b.sign && a.sign !== 'any';
  const sign = isSquare ? 'nonNegative' : isProduct ? 'any' : both(a.sign, b.sign);
  return { ...a, layer: context.state.add(className, [a.layer, b.layer]), dims: context.outputDims, sign };
}

const trimmed = (dims: readonly number[]): readonly number[] => {
  const first = dims.findIndex((size) => size !== 1);
  return first < 0 ? [] : dims.slice(first);
};

/** scale·x + shift with constants: one for all, or one for each channel or last entry. */
function affine(
  context: WriteContext,
  value: LayerValue,
  constant: Weight,
  kind: 'scale' | 'shift',
): LayerValue {
  const { state } = context;
  const [only] = constant.data;
  if (constant.data.length === 1 && only !== undefined)
    return kind === 'scale' ? rescaled(context, value, only, 0) : rescaled(context, value, 1, only);
  const count = constant.data.length;
  const dims = trimmed(constant.dims);
  const scale = kind === 'scale' ? constant.data : filled(count, 1);
  const shift = kind === 'shift' ? constant.data : filled(count, 0);
  const draft = { ...context.nameFrom(context.constant(0) ? 0 : 1), scale, shift };
  const isChannels = value.dims.length === 3 && sameDims(dims, [value.dims[0] ?? 0, 1, 1]);
  if (isChannels) {
    const input = state.toImage(value);
    return { ...input, layer: state.channelAffine(input.layer, draft), sign: 'any' };
  }
  if (!sameDims(dims, [value.dims.at(-1) ?? 0])) return context.refuse('the shape of its constant');
  const input = state.toPlain(value);
  if (value.dims.length === 3)
    return { ...input, layer: state.channelAffine(input.layer, draft), sign: 'any' };
  if (value.dims.length !== 1) return context.refuse('the rank of its input');
  const pixel = state.add('Reshape', [input.layer], { config: { target_shape: [1, 1, count] } });
  const layer = state.add('Reshape', [state.channelAffine(pixel, draft)], {
    config: { target_shape: [count] },
  });
  return state.plain(layer, value.dims);
}

/** The computed input and the constant one, in whichever order they stand. */
function withConstant(context: WriteContext): readonly [LayerValue, Weight] | undefined {
  const [left, right] = [context.constant(0), context.constant(1)];
  if (right) return [context.value(0), right];
  return left && [context.value(1), left];
}

export const writeAdd: WriteRule = (context) => {
  const found = withConstant(context);
  return found ? affine(context, ...found, 'shift') : merge(context, 'Add');
};

export const writeMul: WriteRule = (context) => {
  const found = withConstant(context);
  return found ? affine(context, ...found, 'scale') : merge(context, 'Multiply');
};

export const writeSub: WriteRule = (context) => {
  const [left, right] = [context.constant(0), context.constant(1)];
  if (right) return affine(context, context.value(0), times(right, -1), 'shift');
  if (left) return affine(context, rescaled(context, context.value(1), -1, 0), left, 'shift');
  return merge(context, 'Add', true);
};

export const writeDiv: WriteRule = (context) => {
  const { dims, data } = context.constant(1) ?? context.refuse('a quotient of two computed values');
  return affine(context, context.value(0), { dims, data: data.map((value) => 1 / value) }, 'scale');
};

/** TensorFlow.js' axes of an image are N, H, W, C. */
const IMAGE_AXES = [0, 3, 1, 2];

export const writeConcat: WriteRule = (context) => {
  const { node, state } = context;
  const rank = context.inputDims(0).length;
  const axis = intOf(node, 'axis', 0);
  const along = axis < 0 ? axis + rank : axis;
  if (along === 0) context.refuse('it joins the images of a batch');
  const isImage = rank === 4;
  const values = node.inputs.map((_, index) => context.value(index));
  const inputs = values.map((value) => (isImage ? state.toImage(value) : state.toPlain(value)));
  const layer = state.add(
    'Concatenate',
    inputs.map((value) => value.layer),
    {
      config: { axis: isImage ? (IMAGE_AXES[along] ?? 0) : along },
    },
  );
  const sign = values.map((value) => value.sign).reduce(both);
  return isImage
    ? state.image(layer, context.outputDims, sign)
    : state.plain(layer, context.outputDims, sign);
};

/** The features of an image stay in the order of its layer. */
function flattened(context: WriteContext, value: LayerValue): LayerValue {
  const { state } = context;
  const { outputDims: dims } = context;
  if (value.form === 'pixel') return { ...value, dims, form: 'plain' };
  if (value.dims.length === 1) return value;
  const layer = state.add('Flatten', [value.layer]);
  const [channels = 0, height = 0, width = 0] = value.dims;
  const isMixed = value.form === 'image' && channels > 1 && height * width > 1;
  const plain = state.plain(layer, dims, value.sign);
  return isMixed ? { ...plain, form: 'flat', image: [channels, height, width] } : plain;
}

export const writeFlatten: WriteRule = (context) => {
  if (intOf(context.node, 'axis', 1) !== 1) context.refuse('it flattens from another axis than the first');
  return flattened(context, context.value(0));
};

export const writeReshape: WriteRule = (context) => {
  const { state, outputDims: dims } = context;
  const value = context.value(0);
  if (context.build.typeOf(context.node.outputs[0] ?? '').dims[0] !== context.inputDims(0)[0])
    context.refuse('it mixes the images of a batch');
  if (sameDims(dims, value.dims)) return value;
  if (dims.length === 1) return flattened(context, value);
  const input = state.toPlain(value);
  if (input.dims.length === 1 && isPixelImage(dims)) return { ...input, dims, form: 'pixel' };
  return state.plain(
    state.add('Reshape', [input.layer], { config: { target_shape: dims } }),
    dims,
    value.sign,
  );
};

export const writeTranspose: WriteRule = (context) => {
  const { state, outputDims: dims } = context;
  const value = context.value(0);
  const order = permutationOf(context.node, context.inputDims(0).length);
  if (order[0] !== 0) return context.refuse('it moves the batch');
  if (value.form === 'image' && sameDims(order, [0, 2, 3, 1])) return { ...value, dims, form: 'plain' };
  if (value.form === 'plain' && sameDims(order, [0, 3, 1, 2])) return { ...value, dims, form: 'image' };
  const { layer } = state.toPlain(value);
  return state.plain(state.add('Permute', [layer], { config: { dims: order.slice(1) } }), dims, value.sign);
};

export const writeIdentity: WriteRule = (context) => context.value(0);

export const writeDropout: WriteRule = (context) => {
  const value = context.value(0);
  return context.state.unary(
    'Dropout',
    value,
    { config: { rate: floatOf(context.node, 'ratio', 0.5), noise_shape: null, seed: null } },
    value.sign,
  );
};
