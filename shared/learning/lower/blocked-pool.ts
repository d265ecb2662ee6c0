/** Pooling and its gradients on blocked values, and the operators that blocked values pass unchanged. */
import { floats, int, intOf, ints, requiredInts, text } from '../graph/attributes.ts';
import { normalizeAxis, windowOf } from '../graph/shapes.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import { isPairwise } from './standard-pool.ts';
import { gradientWindow } from './standard-conv.ts';

/** MaxPool, AveragePool and GlobalAveragePool where the input is blocked already. */
export const pool: LowerRule = (context, node) => {
  const x = inputOf(node, 0);
  if (!context.isBlocked(x)) return false;
  if (node.op === 'GlobalAveragePool') {
    context.setBlocked(outputOf(node), context.emit.blocked('GlobalAveragePool', [context.blocked(x)]));
    return true;
  }
  const w = windowOf(node, context.dims(x));
  const value = context.emit.blocked(node.op, [context.blocked(x)], {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    pads: ints(w.pads),
    ...(node.op === 'AveragePool' ? { count_include_pad: int(intOf(node, 'count_include_pad', 0)) } : {}),
  });
  context.setBlocked(outputOf(node), value);
  return true;
};

/** 1 where the second value of a pair along one axis is larger, else 0: a depthwise [−1, 1] with a step behind it. */
function secondWins(context: LowerContext, value: string, channels: number, axis: 0 | 1): string {
  const { emit, target } = context;
  const b = target.blockSize ?? 1;
  const kernel = axis === 0 ? [2, 1] : [1, 2];
  const weights = Float32Array.from({ length: channels * 2 }, (_, i) =>
    Math.floor(i / b) % 2 === 0 ? -1 : 1,
  );
  return emit.blocked('Conv', [value, emit.floats(weights, [channels, 1, ...kernel])], {
    group: int(channels),
    kernel_shape: ints(kernel),
    strides: ints(kernel),
    activation: text('HardSigmoid'),
    activation_params: floats([1e38, 0]),
  });
}

/**
 * 2×2 windows: two contests of two, first along the columns, then along the rows of the winners. At a tie the left and the
 * upper one win: the first position in row-major order.
 */
export const maxPoolGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const [x, dy] = [inputOf(node, 0), inputOf(node, 2)];
  const block = context.blockOf(x);
  const [n = 0, c = 0, h = 0, w = 0] = context.dims(x);
  if (block === undefined || !isPairwise(gradientWindow(node)) || h % 2 !== 0 || w % 2 !== 0) return false;
  if (!context.isBlocked(x)) return false;
  const pairs = (n * c) / block;
  const [h2, w2] = [h / 2, w / 2];
  const rowWinners = emit.blocked('MaxPool', [context.blocked(x)], {
    kernel_shape: ints([1, 2]),
    strides: ints([1, 2]),
  });
  const right = emit.reshape(secondWins(context, context.blocked(x), c, 1), [pairs * h * w2, 1, block]);
  const below = emit.reshape(secondWins(context, rowWinners, c, 0), [pairs * h2, 1, w2 * block]);
  const gradient = emit.reshape(context.blocked(dy), [pairs * h2, 1, w2 * block]);
  const bottom = emit.op('Mul', [gradient, below]);
  const top = emit.op('Sub', [gradient, bottom]);
  const lines = emit.reshape(emit.concat([top, bottom], 1), [pairs * h * w2, 1, block]);
  const second = emit.op('Mul', [lines, right]);
  const first = emit.op('Sub', [lines, second]);
  context.setBlocked(outputOf(node), emit.reshape(emit.concat([first, second], 1), [n, c, h, w]));
  return true;
};

export const globalAveragePoolGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const block = context.blockOf(outputOf(node));
  if (block === undefined) return false;
  const [n = 0, c = 0, h = 1, w = 1] = requiredInts(node, 'dims');
  const scaled = emit.op('Mul', [context.blocked(inputOf(node, 0)), emit.scalar(1 / (h * w))]);
  const cells = emit.reshape(scaled, [n, c / block, 1, block]);
  const spread = emit.op('Expand', [cells, emit.ints([n, c / block, h * w, block])]);
  context.setBlocked(outputOf(node), emit.reshape(spread, [n, c, h, w]));
  return true;
};

/** Along the channels whole blocks lie one after the other, so that joining and cutting them is the same in either layout. */
export const concat: LowerRule = (context, node) => {
  const all = node.inputs.every((name) => context.blockOf(name) !== undefined && context.isBlocked(name));
  if (!all || normalizeAxis(intOf(node, 'axis', 0), 4, node) !== 1) return false;
  const parts = node.inputs.map((name) => context.blocked(name));
  context.setBlocked(outputOf(node), context.emit.concat(parts, 1));
  return true;
};
