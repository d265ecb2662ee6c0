/** Normalisation of the graph as layers. */
import { floatOf, intOf } from '../graph/attributes.ts';
import { NORMALIZATION_EPSILON } from '../ops/batch-normalization.ts';
import type { WriteRule } from './write-context.ts';
import { filled } from './writer-state.ts';

export const writeBatchNormalization: WriteRule = (context) => {
  const { state, node } = context;
  const value = context.value(0);
  const input = value.form === 'pixel' ? value : state.toImage(value);
  return state.unary(
    'BatchNormalization',
    input,
    {
      ...context.nameFrom(3),
      config: {
        axis: -1,
        epsilon: floatOf(node, 'epsilon', NORMALIZATION_EPSILON),
        center: true,
        scale: true,
      },
      weights: [
        ['gamma', context.weight(1)],
        ['beta', context.weight(2)],
        ['moving_mean', context.weight(3)],
        ['moving_variance', context.weight(4)],
      ],
    },
    'any',
  );
};

/**
 * TensorFlow.js has no layer for it (4.22): the channels are split into groups, LayerNormalization works over positions and
 * the channels of a group, and a depthwise convolution of 1×1 is scale and shift. patterns.ts recognises it again.
 */
export const writeGroupNormalization: WriteRule = (context) => {
  const { state, node } = context;
  const input = state.toImage(context.value(0));
  const [channels = 0, height = 0, width = 0] = input.dims;
  const groups = intOf(node, 'num_groups', 1);
  const { name = 'groupnormalization' } = context.nameFrom(1);
  const split = state.add('Reshape', [input.layer], {
    name: `${name}.split`,
    config: { target_shape: [height * width, groups, channels / groups] },
  });
  const normal = state.add('LayerNormalization', [split], {
    name: `${name}.normal`,
    config: {
      axis: [1, 3],
      epsilon: floatOf(node, 'epsilon', NORMALIZATION_EPSILON),
      center: false,
      scale: false,
    },
  });
  const joined = state.add('Reshape', [normal], {
    name: `${name}.join`,
    config: { target_shape: [height, width, channels] },
  });
  const layer = state.channelAffine(joined, {
    name,
    scale: context.weight(1).data,
    shift: context.weight(2).data,
  });
  return state.image(layer, input.dims);
};

/** Over the last axis of a value in the graph's order. */
export const writeLayerNormalization: WriteRule = (context) => {
  const { state, node } = context;
  const rank = context.inputDims(0).length;
  const axis = intOf(node, 'axis', -1);
  if (axis !== -1 && axis !== rank - 1) context.refuse('it works over several axes');
  if (rank > 4) context.refuse('its input has too many dimensions');
  const scale = context.weight(1);
  const shift = context.has(2) ? context.weight(2) : { dims: scale.dims, data: filled(scale.data.length, 0) };
  return state.unary(
    'LayerNormalization',
    state.toPlain(context.value(0)),
    {
      ...context.nameFrom(1),
      config: {
        axis: [rank - 1],
        epsilon: floatOf(node, 'epsilon', NORMALIZATION_EPSILON),
        center: true,
        scale: true,
      },
      weights: [
        ['gamma', scale],
        ['beta', shift],
      ],
    },
    'any',
  );
};
