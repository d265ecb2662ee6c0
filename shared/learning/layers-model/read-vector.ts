/** Dense layers, normalisation, and layers that join or reshape values. */
import { GraphError } from '../../errors.ts';
import { float, int, ints } from '../graph/attributes.ts';
import { NOMINAL_BATCH } from '../graph/builder.ts';
import { sameDims } from '../graph/shapes.ts';
import type { ParameterKind } from '../graph/types.ts';
import type { LayerClass, SpecOf } from './layer-config.ts';
import { permute } from './permute.ts';
import { activate, type ActivationRules } from './read-activation.ts';
import { image, plain, type ReaderState, type Value } from './reader-state.ts';
import type { LayerCall } from './topology.ts';

/** Over the features of a vector, or over the channels of an image: a convolution of 1×1 then. */
export function readDense(
  state: ReaderState,
  call: LayerCall,
  { config }: SpecOf<'Dense'>,
  value: Value,
  rules: ActivationRules,
): Value {
  const { units } = config;
  const isImage = value.form === 'image' || state.dims(value.name).length === 4;
  const input = isImage ? state.toImage(value) : value.name;
  const rank = state.dims(input).length;
  if (!isImage && rank !== 2)
    throw new GraphError(`A dense layer needs vectors or images, not values of rank ${String(rank)}.`);
  const features = state.dims(input)[1] ?? 0;
  const kernel = state.weight(call, ['kernel'], [features, units]);
  const bias = config.use_bias ? state.weight(call, ['bias'], [units]) : undefined;
  const weight = (dims: readonly number[], values: Float32Array): string =>
    state.parameter(call, 'weight', { dims, kind: 'kernel', values });
  const matrix = isImage
    ? weight([units, features, 1, 1], permute(kernel, [features, units], [1, 0]))
    : weight([features, units], state.inFeatureOrder(value, kernel, units));
  const shift = bias ? [state.parameter(call, 'bias', { dims: [units], kind: 'bias', values: bias })] : [];
  const output = state.op(isImage ? 'Conv' : 'Gemm', [input, matrix, ...shift]);
  return activate(state, isImage ? image(output) : plain(output), config.activation, rules);
}

type Normalization = 'BatchNormalization' | 'LayerNormalization' | 'GroupNormalization';

/** The axis in 0…rank−1 that Keras names, if it is one. */
function singleAxis(axes: readonly number[], rank: number): number | undefined {
  const [axis, ...others] = axes;
  if (axis === undefined || others.length > 0) return undefined;
  return axis < 0 ? axis + rank : axis;
}

/**
 * Scale and shift of each of `count` features; where a layer has none of them, constants that change nothing.
 * @param order puts the values of the file in the order of the graph
 */
function affine(
  state: ReaderState,
  call: LayerCall,
  config: SpecOf<Normalization>['config'],
  count: number,
  order: (values: Float32Array) => Float32Array,
): readonly [string, string] {
  const one = (
    isThere: boolean,
    weight: string,
    suffix: string,
    kind: ParameterKind,
    otherwise: number,
  ): string =>
    isThere
      ? state.parameter(call, suffix, {
          dims: [count],
          kind,
          values: order(state.weight(call, [weight], [count])),
        })
      : state.build.floats(new Float32Array(count).fill(otherwise), [count]);
  return [
    one(config.scale, 'gamma', 'scale', 'normScale', 1),
    one(config.center, 'beta', 'shift', 'normShift', 0),
  ];
}

/** Applies `normalize` to the value as an image; a vector counts as an image of one pixel. */
function overChannels(
  state: ReaderState,
  value: Value,
  normalize: (image: string, channels: number) => string,
): Value {
  const isVector = value.form !== 'image' && state.dims(value.name).length === 2;
  if (!isVector) {
    const input = state.toImage(value);
    return image(normalize(input, state.dims(input)[1] ?? 0));
  }
  const channels = state.dims(value.name)[1] ?? 0;
  const pixel = state.op('Reshape', [value.name, state.build.ints([0, channels, 1, 1])]);
  return { ...value, name: state.op('Flatten', [normalize(pixel, channels)]), nonNegative: false };
}

function requireLastAxis(state: ReaderState, value: Value, axes: readonly number[]): void {
  const rank = value.form === 'image' ? 4 : state.dims(value.name).length;
  if (singleAxis(axes, rank) !== rank - 1)
    throw new GraphError(
      `Normalisation over the axes ${axes.join(', ')} is not supported; it must be the last.`,
    );
}

export function readBatchNormalization(
  state: ReaderState,
  call: LayerCall,
  { config }: SpecOf<'BatchNormalization'>,
  value: Value,
): Value {
  requireLastAxis(state, value, config.axis);
  // Training would have to average the statistics of both calls into one.
  if (state.hasParameter(`${call.layer}.mean`))
    throw new GraphError('A batch normalisation that is called twice is not supported.');
  return overChannels(state, value, (input, channels) => {
    const order = (values: Float32Array): Float32Array => state.inFeatureOrder(value, values, 1);
    const [scale, shift] = affine(state, call, config, channels, order);
    const running = (weight: string, suffix: string, kind: ParameterKind): string =>
      state.parameter(call, suffix, {
        dims: [channels],
        kind,
        values: order(state.weight(call, [weight], [channels])),
      });
    const mean = running('moving_mean', 'mean', 'runningMean');
    const variance = running('moving_variance', 'variance', 'runningVariance');
    return state.op('BatchNormalization', [input, scale, shift, mean, variance], {
      epsilon: float(config.epsilon),
    });
  });
}

/** Over the channels of each position of an image, or over the features of a vector. */
export function readLayerNormalization(
  state: ReaderState,
  call: LayerCall,
  { config }: SpecOf<'LayerNormalization'>,
  value: Value,
): Value {
  requireLastAxis(state, value, config.axis);
  const order = (values: Float32Array): Float32Array => state.inFeatureOrder(value, values, 1);
  const normalize = (input: string): string => {
    const [scale, shift] = affine(state, call, config, state.dims(input).at(-1) ?? 0, order);
    return state.op('LayerNormalization', [input, scale, shift], {
      axis: int(-1),
      epsilon: float(config.epsilon),
    });
  };
  if (value.form === 'flat') return { ...value, name: normalize(value.name), nonNegative: false };
  const output = normalize(state.toPlain(value));
  return value.form === 'image'
    ? image(state.op('Transpose', [output], { perm: ints([0, 3, 1, 2]) }))
    : plain(output);
}

/** Scale and shift from the depthwise convolution of 1×1 that ends the composition. */
function foldedAffine(
  state: ReaderState,
  call: LayerCall,
  [height, width, channels]: readonly [number, number, number],
  input: string,
): readonly [string, string] {
  if (!sameDims(state.dims(input).slice(1), [channels, height, width]))
    throw new GraphError('Reshaping an image to another one before it is normalised is not supported.');
  const kernel = state.weight(call, ['depthwise_kernel', 'kernel'], [1, 1, channels, 1]);
  const bias = state.weight(call, ['bias'], [channels]);
  return [
    state.parameter(call, 'scale', { dims: [channels], kind: 'normScale', values: kernel }),
    state.parameter(call, 'shift', { dims: [channels], kind: 'normShift', values: bias }),
  ];
}

export function readGroupNormalization(
  state: ReaderState,
  call: LayerCall,
  { config }: SpecOf<'GroupNormalization'>,
  value: Value,
): Value {
  requireLastAxis(state, value, config.axis);
  if (value.form === 'flat') throw new GraphError('Group normalisation after Flatten is not supported.');
  return overChannels(state, value, (input, channels) => {
    const [scale, shift] = call.folded
      ? foldedAffine(state, call, call.folded.imageShape, input)
      : affine(state, call, config, channels, (values) => values);
    return state.op('GroupNormalization', [input, scale, shift], {
      num_groups: int(config.groups === -1 ? channels : config.groups),
      epsilon: float(config.epsilon),
    });
  });
}

/** The values in one form: the one that they share, else images if all are, else Keras' order. */
function alike(
  state: ReaderState,
  values: readonly Value[],
): { readonly names: readonly string[]; readonly like: Value } {
  const [first] = values;
  if (first === undefined || values.length < 2) throw new GraphError('The layer needs at least two inputs.');
  if (first.form === 'flat') {
    const { image: dims } = first;
    if (values.every((value) => value.form === 'flat' && sameDims(value.image, dims)))
      return { names: values.map(({ name }) => name), like: first };
  }
  const rank = (value: Value): number => (value.form === 'flat' ? 2 : state.dims(value.name).length);
  if (values.some((value) => rank(value) !== rank(first)))
    throw new GraphError('The inputs of the layer have different ranks, which is not supported.');
  if (rank(first) === 4)
    return { names: values.map((value) => state.toImage(value)), like: image(first.name) };
  return { names: values.map((value) => state.toPlain(value)), like: plain(first.name) };
}

type Merge = Extract<LayerClass, 'Add' | 'Subtract' | 'Multiply' | 'Average'>;

const MERGE_OPERATOR = { Add: 'Add', Subtract: 'Sub', Multiply: 'Mul', Average: 'Add' } as const;

export function readMerge(state: ReaderState, kind: Merge, values: readonly Value[]): Value {
  const { names, like } = alike(state, values);
  if (kind === 'Subtract' && names.length !== 2) throw new GraphError('Subtract needs two inputs.');
  const nonNegative = kind !== 'Subtract' && values.every((value) => value.nonNegative);
  const total = names
    .slice(1)
    .reduce((sum, name) => state.op(MERGE_OPERATOR[kind], [sum, name]), names[0] ?? '');
  const name = kind === 'Average' ? state.op('Mul', [total, state.build.scalar(1 / names.length)]) : total;
  return { ...like, name, nonNegative };
}

/** Keras' axes of an image are N, H, W, C. */
const IMAGE_AXES = [0, 2, 3, 1];

export function readConcatenate(
  state: ReaderState,
  { config }: SpecOf<'Concatenate'>,
  values: readonly Value[],
): Value {
  const unmixed = values.map((value) =>
    value.form === 'flat' ? plain(state.toPlain(value), value.nonNegative) : value,
  );
  const { names, like } = alike(state, unmixed);
  const rank = state.dims(names[0] ?? '').length;
  const axis = singleAxis([config.axis], rank);
  if (axis === undefined || axis < 1 || axis >= rank)
    throw new GraphError(`Joining along axis ${String(config.axis)} is not supported.`);
  const along = like.form === 'image' ? (IMAGE_AXES[axis] ?? 1) : axis;
  const name = state.op('Concat', names, { axis: int(along) });
  return { ...like, name, nonNegative: values.every((value) => value.nonNegative) };
}

/** [N, …] with other sizes, in Keras' order. */
export function readReshape(state: ReaderState, { config }: SpecOf<'Reshape'>, value: Value): Value {
  const target = config.target_shape.map((size) => size ?? -1);
  if (target.filter((size) => size === -1).length > 1 || target.includes(0))
    throw new GraphError('The target shape leaves more than one size open, or has an empty one.');
  const dims = state.dims(value.name);
  const isPixel = value.form === 'plain' && dims.length === 2 && sameDims(target, [1, 1, dims[1] ?? 0]);
  // One pixel has the same order in Keras and here: squeeze-and-excitation blocks make one of a vector.
  if (isPixel)
    return image(
      state.op('Reshape', [value.name, state.build.ints([0, dims[1] ?? 0, 1, 1])]),
      value.nonNegative,
    );
  return plain(
    state.op('Reshape', [state.toPlain(value), state.build.ints([0, ...target])]),
    value.nonNegative,
  );
}

/** Axes 1, 2, … of Keras' order in another order. */
export function readPermute(state: ReaderState, { config }: SpecOf<'Permute'>, value: Value): Value {
  return plain(
    state.op('Transpose', [state.toPlain(value)], { perm: ints([0, ...config.dims]) }),
    value.nonNegative,
  );
}

/** Dimensions without the batch. @throws GraphError when a layer took the batch for something else */
export function featureDims(state: ReaderState, name: string): readonly number[] {
  const [batch, ...rest] = state.dims(name);
  if (batch !== NOMINAL_BATCH) throw new GraphError('A layer mixes the images of a batch.');
  return rest;
}
