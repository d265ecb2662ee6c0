/** Convolutions, pooling and padding of the graph as layers. */
import { intOf, textOf } from '../graph/attributes.ts';
import { sameDims, windowOf, type Window } from '../graph/shapes.ts';
import { sizeOf } from '../weights.ts';
import { permute } from './permute.ts';
import type { WriteContext, WriteRule } from './write-context.ts';
import type { LayerValue, Weight } from './writer-state.ts';

const isOne = (pair: readonly number[]): boolean => pair.every((n) => n === 1);

/** The pads of Keras' padding "same" (ONNX SAME_UPPER) over [N, C, H, W]. */
function samePads(dims: readonly number[], w: Window): readonly number[] {
  const along = (axis: 0 | 1): readonly [number, number] => {
    const size = dims[2 + axis] ?? 0;
    const reach = (w.kernel[axis] - 1) * w.dilations[axis] + 1;
    const total = Math.max(0, (Math.ceil(size / w.strides[axis]) - 1) * w.strides[axis] + reach - size);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  const [top, bottom] = along(0);
  const [left, right] = along(1);
  return [top, left, bottom, right];
}

function zeroPadded(
  { state }: WriteContext,
  image: LayerValue,
  [top, left, bottom, right]: Window['pads'],
): LayerValue {
  const config = {
    padding: [
      [top, bottom],
      [left, right],
    ],
  };
  const [channels = 0, height = 0, width = 0] = image.dims;
  const layer = state.add('ZeroPadding2D', [image.layer], { config });
  return state.image(layer, [channels, height + top + bottom, width + left + right], image.sign);
}

/** The input and the padding of a layer over it; zeros that neither padding of Keras gives come before it. */
function padded(
  context: WriteContext,
  window: Window,
): { readonly input: LayerValue; readonly padding: 'valid' | 'same' } {
  const input = context.state.toImage(context.value(0));
  if (sameDims(window.pads, [0, 0, 0, 0])) return { input, padding: 'valid' };
  if (sameDims(window.pads, samePads(context.inputDims(0), window))) return { input, padding: 'same' };
  return { input: zeroPadded(context, input, window.pads), padding: 'valid' };
}

/** [filters, C/group, h, w] → [h, w, C, filters] with zeros where an input channel is not of a filter's group. */
function denseKernel({ dims, data }: Weight, group: number): Weight {
  const [filters = 0, depth = 0, height = 0, width = 0] = dims;
  if (group === 1) return { dims: [height, width, depth, filters], data: permute(data, dims, [2, 3, 1, 0]) };
  const whole = new Float32Array(filters * depth * group * height * width);
  const filterSize = depth * height * width;
  for (let filter = 0; filter < filters; filter++) {
    const own = Math.floor(filter / (filters / group));
    whole.set(
      data.subarray(filter * filterSize, (filter + 1) * filterSize),
      (filter * group + own) * filterSize,
    );
  }
  return denseKernel({ dims: [filters, depth * group, height, width], data: whole }, 1);
}

/** [C·m, 1, h, w] → [h, w, C, m] */
function depthwiseKernel({ dims, data }: Weight, channels: number): Weight {
  const [filters = 0, , height = 0, width = 0] = dims;
  const multiplier = filters / channels;
  return {
    dims: [height, width, channels, multiplier],
    data: permute(data, [channels, multiplier, height, width], [2, 3, 0, 1]),
  };
}

/** TensorFlow.js has depthwise convolutions with equal strides and without dilation, and no other grouped ones. */
export const writeConv: WriteRule = (context) => {
  const { node, state } = context;
  const weight = context.weight(1);
  const window = windowOf(node, context.inputDims(0), weight.dims.slice(2));
  const { kernel, strides, dilations } = window;
  if (!isOne(strides) && !isOne(dilations)) context.refuse('strides together with dilation');
  const group = intOf(node, 'group', 1);
  const channels = context.inputDims(0)[1] ?? 0;
  const isDepthwise = group > 1 && group === channels && strides[0] === strides[1] && isOne(dilations);
  const { input, padding } = padded(context, window);
  const bias = context.has(2) ? [['bias', context.weight(2)] as const] : [];
  const common = {
    kernel_size: kernel,
    strides,
    padding,
    data_format: 'channels_last',
    dilation_rate: dilations,
    activation: 'linear',
    use_bias: bias.length > 0,
  };
  const name = context.nameFrom(1);
  const layer = isDepthwise
    ? state.add('DepthwiseConv2D', [input.layer], {
        ...name,
        config: { ...common, depth_multiplier: (weight.dims[0] ?? 0) / channels },
        weights: [['depthwise_kernel', depthwiseKernel(weight, channels)], ...bias],
      })
    : state.add('Conv2D', [input.layer], {
        ...name,
        config: { ...common, filters: weight.dims[0] },
        weights: [['kernel', denseKernel(weight, group)], ...bias],
      });
  return state.image(layer, context.outputDims);
};

/**
 * A maximum never comes from the padding of a pooling layer, and an average does not count it; the zeros of a padding
 * layer count. In a maximum over values that are not negative they change nothing.
 */
export const writePool: WriteRule = (context) => {
  const { node, state } = context;
  const window = windowOf(node, context.inputDims(0));
  if (!isOne(window.dilations)) context.refuse('a dilated pooling');
  const isMaximum = node.op === 'MaxPool';
  const isPadded = !sameDims(window.pads, [0, 0, 0, 0]);
  const isSame = sameDims(window.pads, samePads(context.inputDims(0), window));
  const countsPads = intOf(node, 'count_include_pad', 0) === 1;
  const { sign } = context.value(0);
  const value = state.toImage(context.value(0));
  let input = value;
  if (isPadded && (isMaximum ? !isSame : countsPads)) {
    if (isMaximum && sign !== 'nonNegative') context.refuse('padding around values that may be negative');
    input = zeroPadded(context, value, window.pads);
  } else if (isPadded && !isSame) context.refuse('an average that does not count its uneven padding');
  const layer = state.add(isMaximum ? 'MaxPooling2D' : 'AveragePooling2D', [input.layer], {
    config: {
      pool_size: window.kernel,
      strides: window.strides,
      padding: isPadded && input === value ? 'same' : 'valid',
      data_format: 'channels_last',
    },
  });
  requireSize(context, input.dims, window, isPadded && input === value);
  return state.image(layer, context.outputDims, sign);
};

/** With rounding up, or pads wider than the window, the sizes would differ. */
function requireSize(context: WriteContext, dims: readonly number[], w: Window, isSame: boolean): void {
  const along = (axis: 0 | 1): number => {
    const size = dims[1 + axis] ?? 0;
    return isSame
      ? Math.ceil(size / w.strides[axis])
      : Math.floor((size - w.kernel[axis]) / w.strides[axis]) + 1;
  };
  if (!sameDims([along(0), along(1)], context.outputDims.slice(1))) context.refuse('its rounding');
  if (context.node.op === 'MaxPool' && w.pads.some((pad, side) => pad >= w.kernel[side % 2 === 0 ? 0 : 1]))
    context.refuse('padding as wide as its window');
}

export const writeGlobalAveragePool: WriteRule = (context) => {
  const { state } = context;
  const value = context.value(0);
  if (value.form === 'pixel') return value;
  const { layer } = state.toImage(value);
  return {
    ...state.plain(state.add('GlobalAveragePooling2D', [layer]), context.outputDims, value.sign),
    form: 'pixel',
  };
};

/** The mean over height and width. */
export const writeReduceMean: WriteRule = (context) => {
  const axes = (context.ints(1) ?? []).map((axis) => (axis < 0 ? axis + context.inputDims(0).length : axis));
  if (context.inputDims(0).length !== 4 || !sameDims([...axes].sort(), [2, 3]))
    context.refuse('a mean over other axes than height and width');
  const pooled = writeGlobalAveragePool(context);
  return intOf(context.node, 'keepdims', 1) === 1 ? pooled : { ...pooled, form: 'plain' };
};

export const writePad: WriteRule = (context) => {
  const pads = context.ints(1) ?? context.refuse('its sizes are not constant');
  const fill = context.has(2) ? (context.weight(2).data[0] ?? 0) : 0;
  const [n0, c0, top = 0, left = 0, n1, c1, bottom = 0, right = 0] = pads;
  if (pads.length !== 8 || [n0, c0, n1, c1].some((size) => size !== 0))
    context.refuse('it pads other axes than height and width');
  if (fill !== 0 || textOf(context.node, 'mode', 'constant') !== 'constant')
    context.refuse('it pads with other values than 0');
  return zeroPadded(context, context.state.toImage(context.value(0)), [top, left, bottom, right]);
};

export const isPixelImage = (dims: readonly number[]): boolean =>
  dims.length === 3 && sizeOf(dims.slice(1)) === 1;
