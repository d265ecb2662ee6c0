/** Activations by their names in Keras (keras.io/api/layers/activations), in operators of the graph. */
import { GraphError } from '../../errors.ts';
import { float, text } from '../graph/attributes.ts';
import { quoted } from '../graph/onnx-limits.ts';
import type { ActivationName } from './layer-config.ts';
import type { ReaderState, Value } from './reader-state.ts';

export interface ActivationRules {
  /** Keras 3 changed `hard_sigmoid` from clip(x/5 + 1/2, 0, 1) to clip(x/6 + 1/2, 0, 1). */
  readonly isKeras3: boolean;
}

/** The same value in the same form under another name; padding is applied first. */
function unary(state: ReaderState, value: Value, nonNegative: boolean, apply: (x: string) => string): Value {
  if (value.form === 'image') {
    const x = state.toImage(value);
    return { name: apply(x), form: 'image', nonNegative, pads: [0, 0, 0, 0] };
  }
  return { ...value, name: apply(value.name), nonNegative };
}

const clip = (state: ReaderState, x: string, low: number, high: number): string =>
  state.op('Clip', [x, state.build.scalar(low), state.build.scalar(high)]);

const scaled = (state: ReaderState, x: string, scale: number, offset: number): string => {
  const product = scale === 1 ? x : state.op('Mul', [x, state.build.scalar(scale)]);
  return offset === 0 ? product : state.op('Add', [product, state.build.scalar(offset)]);
};

export const rescale = (state: ReaderState, value: Value, scale: number, offset: number): Value =>
  unary(state, value, value.nonNegative && scale >= 0 && offset >= 0, (x) => scaled(state, x, scale, offset));

export function relu(
  state: ReaderState,
  value: Value,
  options: { readonly maximum?: number; readonly slope?: number },
): Value {
  const { maximum, slope = 0 } = options;
  if (slope === 0 && maximum === undefined) return unary(state, value, true, (x) => state.op('Relu', [x]));
  if (slope === 0 && maximum !== undefined && maximum > 0)
    return unary(state, value, true, (x) => clip(state, x, 0, maximum));
  if (maximum !== undefined)
    throw new GraphError(
      'A maximum together with a negative slope, or one that is not above zero, is not supported.',
    );
  return unary(state, value, false, (x) => state.op('LeakyRelu', [x], { alpha: float(slope) }));
}

/** α·(exp(min(x, 0)) − 1) + max(x, 0); min(x, 0) = −max(−x, 0). */
export function elu(state: ReaderState, value: Value, alpha: number): Value {
  return unary(state, value, false, (x) => {
    const below = state.op('Neg', [state.op('Relu', [state.op('Neg', [x])])]);
    const curve = scaled(state, state.op('Exp', [below]), alpha, -alpha);
    return state.op('Add', [state.op('Relu', [x]), curve]);
  });
}

function softmax(state: ReaderState, value: Value): Value {
  if (value.form !== 'plain' || state.dims(value.name).length !== 2)
    throw new GraphError('Softmax is supported over the features of a vector.');
  return { ...value, name: state.op('Softmax', [value.name]), nonNegative: true };
}

/** @throws GraphError for an activation that is not supported, by its name */
export function activate(
  state: ReaderState,
  value: Value,
  name: ActivationName,
  rules: ActivationRules,
): Value {
  const sigmoid = (x: string): string => state.op('Sigmoid', [x]);
  switch (name) {
    case 'linear':
      return value;
    case 'relu':
      return relu(state, value, {});
    case 'relu6':
      return relu(state, value, { maximum: 6 });
    case 'leaky_relu':
      return relu(state, value, { slope: 0.2 });
    case 'sigmoid':
      return unary(state, value, true, sigmoid);
    case 'tanh':
      return unary(state, value, false, (x) => state.op('Tanh', [x]));
    case 'elu':
      return elu(state, value, 1);
    case 'gelu':
      return unary(state, value, false, (x) => state.op('Gelu', [x]));
    case 'gelu_new':
      return unary(state, value, false, (x) => state.op('Gelu', [x], { approximate: text('tanh') }));
    case 'swish':
    case 'silu':
      return unary(state, value, false, (x) => state.op('Mul', [x, sigmoid(x)]));
    case 'hard_sigmoid':
      return unary(state, value, true, (x) =>
        state.op('HardSigmoid', [x], { alpha: float(rules.isKeras3 ? 1 / 6 : 1 / 5), beta: float(1 / 2) }),
      );
    case 'hard_swish':
    case 'hard_silu':
      return unary(state, value, false, (x) => state.op('HardSwish', [x]));
    case 'softmax':
      return softmax(state, value);
    default:
      throw new GraphError(`The activation ${quoted(name)} is not supported.`);
  }
}

/** Dropout keeps every form: its mask has no order. */
export const elementwise = (state: ReaderState, value: Value, apply: (x: string) => string): Value =>
  unary(state, value, value.nonNegative, apply);

/** Softmax as a layer. */
export function readSoftmax(state: ReaderState, value: Value, axes: readonly number[]): Value {
  const [axis, ...others] = axes;
  const rank = value.form === 'image' ? 4 : state.dims(value.name).length;
  if (others.length > 0 || (axis !== -1 && axis !== rank - 1))
    throw new GraphError('Softmax is supported over the last axis.');
  return softmax(state, value);
}
