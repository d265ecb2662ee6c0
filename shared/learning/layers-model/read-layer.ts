/** One layer of a LayersModel as nodes of the graph. */
import { GraphError } from '../../errors.ts';
import { float } from '../graph/attributes.ts';
import { quoted } from '../graph/onnx-limits.ts';
import {
  activate,
  elementwise,
  elu,
  readSoftmax,
  relu,
  rescale,
  type ActivationRules,
} from './read-activation.ts';
import {
  readBatchNormalization,
  readConcatenate,
  readDense,
  readGroupNormalization,
  readLayerNormalization,
  readMerge,
  readPermute,
  readReshape,
} from './read-vector.ts';
import {
  readConv2D,
  readDepthwiseConv2D,
  readFlatten,
  readGlobalPooling,
  readPooling,
  readSeparableConv2D,
  readZeroPadding2D,
} from './read-windows.ts';
import type { ReaderState, Value } from './reader-state.ts';
import type { LayerCall } from './topology.ts';

function oneInput(inputs: readonly Value[]): Value {
  const [value, ...others] = inputs;
  if (value === undefined || others.length > 0) throw new GraphError('The layer needs one input.');
  return value;
}

/** Keras 2 calls the slope `alpha` (0.3 where absent), Keras 3 `negative_slope`. */
const slopeOf = (config: { alpha?: number | undefined; negative_slope?: number | undefined }): number =>
  config.negative_slope ?? config.alpha ?? 0.3;

function read(state: ReaderState, call: LayerCall, inputs: readonly Value[], rules: ActivationRules): Value {
  const { spec } = call;
  switch (spec.class_name) {
    case 'InputLayer':
      return oneInput(inputs);
    case 'Conv2D':
      return readConv2D(state, call, spec, oneInput(inputs), rules);
    case 'DepthwiseConv2D':
      return readDepthwiseConv2D(state, call, spec, oneInput(inputs), rules);
    case 'SeparableConv2D':
      return readSeparableConv2D(state, call, spec, oneInput(inputs), rules);
    case 'Dense':
      return readDense(state, call, spec, oneInput(inputs), rules);
    case 'MaxPooling2D':
    case 'AveragePooling2D':
      return readPooling(state, spec, oneInput(inputs));
    case 'GlobalAveragePooling2D':
    case 'GlobalMaxPooling2D':
      return readGlobalPooling(state, spec, oneInput(inputs));
    case 'BatchNormalization':
      return readBatchNormalization(state, call, spec, oneInput(inputs));
    case 'LayerNormalization':
      return readLayerNormalization(state, call, spec, oneInput(inputs));
    case 'GroupNormalization':
      return readGroupNormalization(state, call, spec, oneInput(inputs));
    case 'Activation':
      return activate(state, oneInput(inputs), spec.config.activation, rules);
    case 'ReLU': {
      const { max_value, negative_slope } = spec.config;
      return relu(state, oneInput(inputs), {
        ...(max_value === null || max_value === undefined ? {} : { maximum: max_value }),
        slope: negative_slope ?? 0,
      });
    }
    case 'LeakyReLU':
      return relu(state, oneInput(inputs), { slope: slopeOf(spec.config) });
    case 'ELU':
      return elu(state, oneInput(inputs), spec.config.alpha);
    case 'Softmax':
      return readSoftmax(state, oneInput(inputs), spec.config.axis);
    case 'Dropout': {
      const { rate } = spec.config;
      const value = oneInput(inputs);
      if (rate === 0) return value;
      return elementwise(state, value, (x) => state.op('Dropout', [x], { ratio: float(rate) }));
    }
    case 'Flatten':
      return readFlatten(state, oneInput(inputs));
    case 'Reshape':
      return readReshape(state, spec, oneInput(inputs));
    case 'Permute':
      return readPermute(state, spec, oneInput(inputs));
    case 'ZeroPadding2D':
      return readZeroPadding2D(state, spec, oneInput(inputs));
    case 'Rescaling':
      return rescale(state, oneInput(inputs), spec.config.scale, spec.config.offset);
    case 'Add':
    case 'Subtract':
    case 'Multiply':
    case 'Average':
      return readMerge(state, spec.class_name, inputs);
    case 'Concatenate':
      return readConcatenate(state, spec, inputs);
  }
}

/** @throws GraphError that names the layer and the reason when it cannot be read */
export function readLayer(
  state: ReaderState,
  call: LayerCall,
  inputs: readonly Value[],
  rules: ActivationRules,
): Value {
  try {
    return read(state, call, inputs, rules);
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    throw new GraphError(`Layer ${quoted(call.layer)} (${call.spec.class_name}): ${error.message}`, {
      cause: error,
    });
  }
}
