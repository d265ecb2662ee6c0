/** Layers that slide a window over an image: convolutions, pooling and padding. */
import { int, ints } from '../graph/attributes.ts';
import { sizeOf } from '../weights.ts';
import type { ConvolutionConfig, SpecOf } from './layer-config.ts';
import { permute } from './permute.ts';
import { activate, type ActivationRules } from './read-activation.ts';
import { image, NO_PADS, plain, type Pads, type ReaderState, type Value } from './reader-state.ts';
import type { LayerCall } from './topology.ts';

type Pair = readonly [number, number];

interface WindowConfig {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly padding: 'same' | 'valid';
}

/**
 * Padding "same" of Keras: ceil(size / stride) positions, an odd rest at the bottom and right.
 * @param dims [N, C, H, W], padding that is already there included
 */
function samePads(dims: readonly number[], window: WindowConfig): Pads {
  if (window.padding === 'valid') return NO_PADS;
  const along = (axis: 0 | 1): Pair => {
    const size = dims[2 + axis] ?? 0;
    const reach = (window.kernel[axis] - 1) * window.dilations[axis] + 1;
    const total = Math.max(
      0,
      (Math.ceil(size / window.strides[axis]) - 1) * window.strides[axis] + reach - size,
    );
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  const [top, bottom] = along(0);
  const [left, right] = along(1);
  return [top, left, bottom, right];
}

const sum = (a: Pads, b: Pads): Pads => [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]];

/** The image that a convolution reads, and the zeros around it that it takes on. */
function paddedInput(state: ReaderState, value: Value): { readonly name: string; readonly pads: Pads } {
  if (value.form === 'image') return { name: value.name, pads: value.pads };
  return { name: state.toImage(value), pads: NO_PADS };
}

interface ConvolutionWeights {
  /** [filters, channels / group, height, width] */
  readonly dims: readonly number[];
  readonly kernel: Float32Array;
  readonly bias: Float32Array | undefined;
  readonly group: number;
  /** What stands before ".weight" in the name of the parameter, after the layer's name; mostly nothing. */
  readonly part: '' | 'depthwise.' | 'pointwise.';
}

function convolve(
  state: ReaderState,
  call: LayerCall,
  input: { readonly name: string; readonly pads: Pads },
  window: WindowConfig,
  weights: ConvolutionWeights,
): string {
  const [batch = 0, channels = 0, height = 0, width = 0] = state.dims(input.name);
  const [top, left, bottom, right] = input.pads;
  const padded = [batch, channels, height + top + bottom, width + left + right];
  const [filters = 0] = weights.dims;
  const { dims, kernel, bias, part } = weights;
  const inputs = [
    input.name,
    state.parameter(call, `${part}weight`, { dims, kind: 'kernel', values: kernel }),
    ...(bias ? [state.parameter(call, `${part}bias`, { dims: [filters], kind: 'bias', values: bias })] : []),
  ];
  return state.op('Conv', inputs, {
    kernel_shape: ints(window.kernel),
    strides: ints(window.strides),
    ...(window.dilations.every((d) => d === 1) ? {} : { dilations: ints(window.dilations) }),
    pads: ints(sum(input.pads, samePads(padded, window))),
    group: int(weights.group),
  });
}

const windowOfConvolution = (config: ConvolutionConfig): WindowConfig => ({
  kernel: config.kernel_size,
  strides: config.strides,
  dilations: config.dilation_rate,
  padding: config.padding,
});

const biasOf = (
  state: ReaderState,
  call: LayerCall,
  config: ConvolutionConfig,
  filters: number,
): Float32Array | undefined => (config.use_bias ? state.weight(call, ['bias'], [filters]) : undefined);

/** Keras' kernel: [height, width, channels / groups, filters]. */
export function readConv2D(
  state: ReaderState,
  call: LayerCall,
  { config }: SpecOf<'Conv2D'>,
  value: Value,
  rules: ActivationRules,
): Value {
  const input = paddedInput(state, value);
  const dims = [...config.kernel_size, (state.dims(input.name)[1] ?? 0) / config.groups, config.filters];
  const output = convolve(state, call, input, windowOfConvolution(config), {
    dims: [3, 2, 0, 1].map((axis) => dims[axis] ?? 0),
    kernel: permute(state.weight(call, ['kernel'], dims), dims, [3, 2, 0, 1]),
    bias: biasOf(state, call, config, config.filters),
    group: config.groups,
    part: '',
  });
  return activate(state, image(output), config.activation, rules);
}

/** Keras' kernel: [height, width, channels, multiplier]; output channel c·multiplier + m comes from channel c. */
function depthwise(
  state: ReaderState,
  call: LayerCall,
  config: ConvolutionConfig & { readonly depth_multiplier: number },
  value: Value,
  more: { readonly part: ConvolutionWeights['part']; readonly hasBias: boolean },
): string {
  const input = paddedInput(state, value);
  const channels = state.dims(input.name)[1] ?? 0;
  const dims = [...config.kernel_size, channels, config.depth_multiplier];
  const filters = channels * config.depth_multiplier;
  return convolve(state, call, input, windowOfConvolution(config), {
    dims: [filters, 1, ...config.kernel_size],
    kernel: permute(state.weight(call, ['depthwise_kernel', 'kernel'], dims), dims, [2, 3, 0, 1]),
    bias: more.hasBias ? biasOf(state, call, config, filters) : undefined,
    group: channels,
    part: more.part,
  });
}

export function readDepthwiseConv2D(
  state: ReaderState,
  call: LayerCall,
  { config }: SpecOf<'DepthwiseConv2D'>,
  value: Value,
  rules: ActivationRules,
): Value {
  const output = depthwise(state, call, config, value, { part: '', hasBias: true });
  return activate(state, image(output), config.activation, rules);
}

/** A depthwise convolution, then one of 1×1 that has the bias. */
export function readSeparableConv2D(
  state: ReaderState,
  call: LayerCall,
  { config }: SpecOf<'SeparableConv2D'>,
  value: Value,
  rules: ActivationRules,
): Value {
  const deep = depthwise(state, call, config, value, {
    part: 'depthwise.',
    hasBias: false,
  });
  const dims = [1, 1, state.dims(deep)[1] ?? 0, config.filters];
  const output = convolve(
    state,
    call,
    { name: deep, pads: NO_PADS },
    { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], padding: 'valid' },
    {
      dims: [3, 2, 0, 1].map((axis) => dims[axis] ?? 0),
      kernel: permute(state.weight(call, ['pointwise_kernel'], dims), dims, [3, 2, 0, 1]),
      bias: biasOf(state, call, config, config.filters),
      group: 1,
      part: 'pointwise.',
    },
  );
  return activate(state, image(output), config.activation, rules);
}

/**
 * Keras does not count its own padding in an average, and a maximum never comes from it: so do AveragePool and MaxPool.
 * Zeros of a padding layer before it count in an average; in a maximum they are the same as none where nothing is below zero.
 */
export function readPooling(
  state: ReaderState,
  { class_name, config }: SpecOf<'MaxPooling2D'> | SpecOf<'AveragePooling2D'>,
  value: Value,
): Value {
  const window: WindowConfig = {
    kernel: config.pool_size,
    strides: config.strides ?? config.pool_size,
    dilations: [1, 1],
    padding: config.padding,
  };
  const isMaximum = class_name === 'MaxPooling2D';
  const takesPads =
    value.form === 'image' && config.padding === 'valid' && (!isMaximum || mayIgnore(value, window));
  const input = takesPads ? paddedInput(state, value) : { name: state.toImage(value), pads: NO_PADS };
  const output = state.op(isMaximum ? 'MaxPool' : 'AveragePool', [input.name], {
    kernel_shape: ints(window.kernel),
    strides: ints(window.strides),
    pads: ints(sum(input.pads, samePads(state.dims(input.name), window))),
    ...(!isMaximum && takesPads && input.pads.some((pad) => pad > 0) ? { count_include_pad: int(1) } : {}),
  });
  return image(output, value.nonNegative);
}

/** Each window then holds at least one element of the image. */
function mayIgnore(value: Extract<Value, { form: 'image' }>, { kernel }: WindowConfig): boolean {
  const [top, left, bottom, right] = value.pads;
  return value.nonNegative && Math.max(top, bottom) < kernel[0] && Math.max(left, right) < kernel[1];
}

/** [N, C], or with `keepdims` [N, C, 1, 1]. */
export function readGlobalPooling(
  state: ReaderState,
  { class_name, config }: SpecOf<'GlobalAveragePooling2D'> | SpecOf<'GlobalMaxPooling2D'>,
  value: Value,
): Value {
  const input = state.toImage(value);
  const kernel = state.dims(input).slice(2);
  const pooled =
    class_name === 'GlobalAveragePooling2D'
      ? state.op('GlobalAveragePool', [input])
      : state.op('MaxPool', [input], { kernel_shape: ints(kernel), strides: ints([1, 1]) });
  if (config.keepdims) return image(pooled, value.nonNegative);
  return plain(state.op('Flatten', [pooled]), value.nonNegative);
}

export function readZeroPadding2D(
  state: ReaderState,
  { config }: SpecOf<'ZeroPadding2D'>,
  value: Value,
): Value {
  const { top, left, bottom, right } = config.padding;
  const input = paddedInput(state, value);
  return {
    ...image(input.name, value.nonNegative),
    form: 'image',
    pads: sum(input.pads, [top, left, bottom, right]),
  };
}

/** [N, …] → [N, the rest]; the features of an image stay in the graph's order. */
export function readFlatten(state: ReaderState, value: Value): Value {
  const { nonNegative } = value;
  if (value.form === 'flat') return value;
  if (value.form === 'plain') return plain(state.op('Flatten', [value.name]), nonNegative);
  const name = state.toImage(value);
  const [, channels = 0, height = 0, width = 0] = state.dims(name);
  const flat = state.op('Flatten', [name]);
  if (channels === 1 || sizeOf([height, width]) === 1) return plain(flat, nonNegative);
  return { name: flat, form: 'flat', image: [channels, height, width], nonNegative };
}
