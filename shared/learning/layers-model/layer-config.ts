/**
 * The layers that a LayersModel may hold, with their configuration as Keras 2, Keras 3 and TensorFlow.js write it
 * (keras.io/api/layers). A field that is not listed is refused: it could change what the layer computes. Fields that only
 * matter before or during training (initialisers, regularisers, constraints) are accepted and not used.
 */
import { z } from 'zod';
import { GraphError } from '../../errors.ts';
import { quoted } from '../graph/onnx-limits.ts';
import { firstIssues, type Described } from './model-json.ts';

const unused = z.unknown().optional();
const count = z
  .int()
  .min(1)
  .max(1 << 20);
const pair = z.union([count.transform((n) => [n, n] as const), z.tuple([count, count]).readonly()]);
const flag = z.boolean();
const channelsLast = z.literal('channels_last').nullish();
const padding = z.enum(['valid', 'same']);
const epsilon = z.number().min(0).max(1);

/** `float32`, as Keras 2 (a name, or a policy object) and Keras 3 (a policy object) write it. */
const float32 = z.union([
  z.literal('float32'),
  z.object({ config: z.object({ name: z.literal('float32') }) }),
]);

/** A function is written by its name, or in Keras 3 also as an object around it. */
const activation = z
  .union([
    z.string().max(100),
    z
      .object({ class_name: z.literal('function'), config: z.string().max(100) })
      .transform(({ config }) => config),
  ])
  .nullish()
  .transform((name) => name ?? 'linear');
export type ActivationName = z.infer<typeof activation>;

const common = {
  name: z.string().min(1).max(500),
  trainable: unused,
  dtype: float32.nullish(),
  batch_input_shape: unused,
  batch_shape: unused,
};
const kernelTraining = { kernel_initializer: unused, kernel_regularizer: unused, kernel_constraint: unused };
const biasTraining = { bias_initializer: unused, bias_regularizer: unused, bias_constraint: unused };
const depthwiseTraining = {
  depthwise_initializer: unused,
  depthwise_regularizer: unused,
  depthwise_constraint: unused,
};
const affineTraining = {
  beta_initializer: unused,
  gamma_initializer: unused,
  beta_regularizer: unused,
  gamma_regularizer: unused,
  beta_constraint: unused,
  gamma_constraint: unused,
};

const convolution = {
  ...common,
  ...biasTraining,
  kernel_size: pair,
  strides: pair.default([1, 1]),
  padding: padding.default('valid'),
  data_format: channelsLast,
  dilation_rate: pair.default([1, 1]),
  groups: count.default(1),
  activation,
  use_bias: flag.default(true),
  activity_regularizer: unused,
};
export type ConvolutionConfig = z.infer<z.ZodObject<typeof convolution>>;

const pooling = {
  ...common,
  pool_size: pair.default([2, 2]),
  strides: pair.nullish(),
  padding: padding.default('valid'),
  data_format: channelsLast,
};
const globalPooling = { ...common, data_format: channelsLast, keepdims: flag.default(false) };

const affine = {
  ...common,
  ...affineTraining,
  epsilon: epsilon.default(1e-3),
  center: flag.default(true),
  scale: flag.default(true),
};
/** TensorFlow.js and Keras write the axis of a normalisation as a number or as a list. */
const axes = z.union([z.int().transform((axis) => [axis]), z.array(z.int()).max(8)]);

const pads = z.union([
  z
    .int()
    .min(0)
    .max(10_000)
    .transform((n) => ({ top: n, bottom: n, left: n, right: n })),
  z
    .tuple([z.int().min(0).max(10_000), z.int().min(0).max(10_000)])
    .transform(([y, x]) => ({ top: y, bottom: y, left: x, right: x })),
  z
    .tuple([
      z.tuple([z.int().min(0).max(10_000), z.int().min(0).max(10_000)]),
      z.tuple([z.int().min(0).max(10_000), z.int().min(0).max(10_000)]),
    ])
    .transform(([[top, bottom], [left, right]]) => ({ top, bottom, left, right })),
]);

const layer = <Name extends string, Shape extends z.ZodRawShape>(name: Name, shape: Shape) =>
  z.object({ class_name: z.literal(name), config: z.strictObject(shape) });

const layerSchema = z.discriminatedUnion('class_name', [
  layer('InputLayer', { ...common, sparse: unused, ragged: unused, optional: unused }),
  layer('Conv2D', { ...convolution, ...kernelTraining, filters: count }),
  layer('DepthwiseConv2D', {
    ...convolution,
    ...depthwiseTraining,
    depth_multiplier: count.default(1),
  }),
  layer('SeparableConv2D', {
    ...convolution,
    ...depthwiseTraining,
    filters: count,
    depth_multiplier: count.default(1),
    pointwise_initializer: unused,
    pointwise_regularizer: unused,
    pointwise_constraint: unused,
    // Keras 2 writes those of its base class too.
    ...kernelTraining,
  }),
  layer('Dense', {
    ...common,
    ...kernelTraining,
    ...biasTraining,
    units: count,
    activation,
    use_bias: flag.default(true),
    activity_regularizer: unused,
    lora_rank: z.null().optional(),
    quantization_config: z.null().optional(),
  }),
  layer('MaxPooling2D', pooling),
  layer('AveragePooling2D', pooling),
  layer('GlobalAveragePooling2D', globalPooling),
  layer('GlobalMaxPooling2D', globalPooling),
  layer('BatchNormalization', {
    ...affine,
    axis: axes.default([-1]),
    momentum: unused,
    moving_mean_initializer: unused,
    moving_variance_initializer: unused,
    synchronized: unused,
    renorm: z.literal(false).nullish(),
    fused: unused,
    virtual_batch_size: z.null().optional(),
  }),
  layer('LayerNormalization', {
    ...affine,
    axis: axes.default([-1]),
    rms_scaling: z.literal(false).optional(),
  }),
  layer('GroupNormalization', { ...affine, axis: axes.default([-1]), groups: z.int().min(-1).default(32) }),
  layer('Activation', { ...common, activation }),
  layer('ReLU', {
    ...common,
    max_value: z.number().nullish(),
    negative_slope: z.number().nullish(),
    threshold: z.literal(0).nullish(),
  }),
  layer('LeakyReLU', { ...common, alpha: z.number().optional(), negative_slope: z.number().optional() }),
  layer('ELU', { ...common, alpha: z.number().default(1) }),
  layer('Softmax', { ...common, axis: axes.default([-1]) }),
  layer('Dropout', {
    ...common,
    rate: z.number().min(0).lt(1),
    noise_shape: z.null().optional(),
    seed: unused,
  }),
  layer('Flatten', { ...common, data_format: channelsLast }),
  layer('Reshape', { ...common, target_shape: z.array(z.int().min(-1).nullable()).min(1).max(6) }),
  layer('Permute', { ...common, dims: z.array(z.int().min(1)).min(1).max(6) }),
  layer('ZeroPadding2D', {
    ...common,
    padding: pads.default({ top: 1, bottom: 1, left: 1, right: 1 }),
    data_format: channelsLast,
  }),
  layer('Rescaling', { ...common, scale: z.number(), offset: z.number().default(0) }),
  layer('Add', common),
  layer('Subtract', common),
  layer('Multiply', common),
  layer('Average', common),
  layer('Concatenate', { ...common, axis: z.int().default(-1) }),
]);
export type LayerSpec = z.infer<typeof layerSchema>;
export type LayerClass = LayerSpec['class_name'];
export type SpecOf<C extends LayerClass> = Extract<LayerSpec, { class_name: C }>;

/** Sorted. */
export const SUPPORTED_LAYERS: readonly string[] = layerSchema.options
  .flatMap((option) => [...option.shape.class_name.values])
  .sort();

/**
 * @param where the layer's name in messages
 * @throws GraphError for a layer that is not supported, by its class, and for a configuration that is not as expected
 */
export function parseLayer(description: Pick<Described, 'class_name' | 'config'>, where: string): LayerSpec {
  const { class_name, config } = description;
  if (!SUPPORTED_LAYERS.includes(class_name))
    throw new GraphError(
      `Layer ${quoted(where)} is of the class ${quoted(class_name)}, which is not supported. Supported: ${SUPPORTED_LAYERS.join(', ')}.`,
    );
  const parsed = layerSchema.safeParse({ class_name, config });
  if (!parsed.success)
    throw new GraphError(
      `Layer ${quoted(where)} (${class_name}) is not as expected: ${firstIssues(parsed.error)}`,
      { cause: parsed.error },
    );
  return parsed.data;
}
