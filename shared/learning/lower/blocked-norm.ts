/**
 * Batch and group normalisation on blocked values. A scale and shift a channel (or a channel and example) is one depthwise
 * 1×1 convolution, with the batch folded into the channels where it differs by example; a sum of products over positions is
 * a depthwise convolution whose kernel is the other tensor. Variance is E[x²] − E[x]², which loses digits when the mean is
 * far from zero in units of the standard deviation; activations before a normalisation are not.
 */
import { int, intOf, ints } from '../graph/attributes.ts';
import type { Node } from '../graph/types.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import { epsilonOf, reciprocalStdDev } from './standard-norm.ts';

interface Size {
  readonly n: number;
  readonly c: number;
  readonly h: number;
  readonly w: number;
}

function sizeOf(context: LowerContext, name: string): Size {
  const [n = 0, c = 0, h = 0, w = 0] = context.dims(name);
  return { n, c, h, w };
}

const applies = (context: LowerContext, x: string): boolean =>
  context.blockOf(x) !== undefined && context.isBlocked(x);

/** x·scale + shift (+ rest), scale and shift one value a channel [C] or a channel and example [N, C]. */
function affine(
  context: LowerContext,
  x: string,
  size: Size,
  factors: { scale: string; shift?: string; perExample: boolean; rest?: string },
): string {
  const { emit } = context;
  const { n, c, h, w } = size;
  const fold = factors.perExample ? n : 1;
  const view = (value: string): string =>
    factors.perExample ? emit.reshape(value, [1, n * c, h, w]) : value;
  const inputs = [
    view(x),
    emit.reshape(factors.scale, [fold * c, 1, 1, 1]),
    factors.shift === undefined ? '' : emit.reshape(factors.shift, [fold * c]),
    ...(factors.rest === undefined ? [] : [view(factors.rest)]),
  ];
  const trimmed = inputs.at(-1) === '' ? inputs.slice(0, -1) : inputs;
  const value = emit.blocked('Conv', trimmed, { group: int(fold * c), kernel_shape: ints([1, 1]) });
  return factors.perExample ? emit.reshape(value, [n, c, h, w]) : value;
}

/** Mean over positions of a·b for each example and channel, [N, C]. */
function meanProduct(context: LowerContext, a: string, b: string, { n, c, h, w }: Size): string {
  const { emit } = context;
  const product = emit.blocked(
    'Conv',
    [emit.reshape(a, [1, n * c, h, w]), emit.reshape(b, [n * c, 1, h, w])],
    {
      group: int(n * c),
      kernel_shape: ints([h, w]),
    },
  );
  return emit.op('Mul', [emit.reshape(product, [n, c]), emit.scalar(1 / (h * w))]);
}

const meanPosition = (context: LowerContext, x: string, { n, c }: Size): string =>
  context.emit.reshape(context.emit.blocked('GlobalAveragePool', [x]), [n, c]);

/** E[x²] − E[x]², never below zero. */
function varianceOf(context: LowerContext, meanSquare: string, mean: string): string {
  const { emit } = context;
  const difference = emit.op('Sub', [meanSquare, emit.op('Mul', [mean, mean])]);
  return emit.op('Max', [difference, emit.scalar(0)]);
}

export const batchNormTraining: LowerRule = (context, node) => {
  const { emit } = context;
  const x = inputOf(node, 0);
  if (!applies(context, x)) return false;
  const size = sizeOf(context, x);
  const value = context.blocked(x);
  const mean = emit.mean(meanPosition(context, value, size), [0]);
  const variance = varianceOf(context, emit.mean(meanProduct(context, value, value, size), [0]), mean);
  const rstd = reciprocalStdDev(emit, variance, epsilonOf(node));
  const scale = emit.op('Mul', [context.plain(inputOf(node, 1)), rstd]);
  const shift = emit.op('Sub', [context.plain(inputOf(node, 2)), emit.op('Mul', [mean, scale])]);
  context.setBlocked(outputOf(node), affine(context, value, size, { scale, shift, perExample: false }));
  context.setPlain(outputOf(node, 1), mean);
  context.setPlain(outputOf(node, 2), variance);
  return true;
};

/** Σdy and Σdy·x̂ a channel, and what both gradients need beside them. */
function channelSums(context: LowerContext, node: Node) {
  const { emit } = context;
  const x = inputOf(node, 0);
  const size = sizeOf(context, x);
  const [value, dy] = [context.blocked(x), context.blocked(inputOf(node, 4))];
  const [scale, mean, variance] = [1, 2, 3].map((index) => context.plain(inputOf(node, index)));
  const rstd = reciprocalStdDev(emit, variance ?? '', epsilonOf(node));
  const meanDy = emit.mean(meanPosition(context, dy, size), [0]);
  const meanXDy = emit.mean(meanProduct(context, value, dy, size), [0]);
  const centred = emit.op('Sub', [meanXDy, emit.op('Mul', [mean ?? '', meanDy])]);
  const meanXhatDy = emit.op('Mul', [centred, rstd]);
  const count = emit.scalar(size.n * size.h * size.w);
  context.setPlain(outputOf(node, 1), emit.op('Mul', [meanXhatDy, count]));
  context.setPlain(outputOf(node, 2), emit.op('Mul', [meanDy, count]));
  return {
    size,
    value,
    dy,
    mean: mean ?? '',
    rstd,
    meanDy,
    meanXhatDy,
    factor: emit.op('Mul', [scale ?? '', rstd]),
  };
}

/** dx = f·dy − f·E[dy·x̂]/σ·x + f·(μ·E[dy·x̂]/σ − E[dy]), with f = scale/σ. */
export const batchNormTrainingGrad: LowerRule = (context, node) => {
  const { emit } = context;
  if (!applies(context, inputOf(node, 0))) return false;
  const s = channelSums(context, node);
  const slope = emit.op('Mul', [s.meanXhatDy, s.rstd]);
  const ofX = emit.op('Neg', [emit.op('Mul', [s.factor, slope])]);
  const offset = emit.op('Sub', [emit.op('Mul', [s.mean, slope]), s.meanDy]);
  const shift = emit.op('Mul', [s.factor, offset]);
  const rest = affine(context, s.dy, s.size, { scale: s.factor, shift, perExample: false });
  context.setBlocked(
    outputOf(node),
    affine(context, s.value, s.size, { scale: ofX, perExample: false, rest }),
  );
  return true;
};

export const batchNormFrozenGrad: LowerRule = (context, node) => {
  if (!applies(context, inputOf(node, 0))) return false;
  const { dy, size, factor } = channelSums(context, node);
  context.setBlocked(outputOf(node), affine(context, dy, size, { scale: factor, perExample: false }));
  return true;
};

/** The inference form: one scale and shift a channel. */
export const batchNormalization: LowerRule = (context, node) => {
  const { emit } = context;
  const x = inputOf(node, 0);
  if (!applies(context, x)) return false;
  const [gain = '', bias = '', mean = '', variance = ''] = [1, 2, 3, 4].map((i) =>
    context.plain(inputOf(node, i)),
  );
  const scale = emit.op('Mul', [gain, reciprocalStdDev(emit, variance, epsilonOf(node))]);
  const shift = emit.op('Sub', [bias, emit.op('Mul', [mean, scale])]);
  const value = affine(context, context.blocked(x), sizeOf(context, x), { scale, shift, perExample: false });
  context.setBlocked(outputOf(node), value);
  return true;
};

/** Mean and 1/σ of each group [N, G, 1], made once for forward and gradient. */
function groupStatistics(context: LowerContext, x: string, groups: number, epsilon: number) {
  const { emit } = context;
  const size = sizeOf(context, x);
  const shape = [size.n, groups, size.c / groups];
  const key = `${x} ${String(groups)} ${String(epsilon)}`;
  const mean = context.once(`group-mean ${key}`, () =>
    emit.mean(emit.reshape(meanPosition(context, context.blocked(x), size), shape), [2], true),
  );
  const rstd = context.once(`group-reciprocal ${key}`, () => {
    const products = meanProduct(context, context.blocked(x), context.blocked(x), size);
    const square = emit.mean(emit.reshape(products, shape), [2], true);
    return reciprocalStdDev(emit, varianceOf(context, square, mean), epsilon);
  });
  return { mean, rstd, size, shape };
}

export const groupNormalization: LowerRule = (context, node) => {
  const { emit } = context;
  const x = inputOf(node, 0);
  if (!applies(context, x)) return false;
  const groups = intOf(node, 'num_groups', 1);
  const { mean, rstd, size, shape } = groupStatistics(context, x, groups, epsilonOf(node));
  const one = [1, ...shape.slice(1)];
  const scale = emit.op('Mul', [emit.reshape(context.plain(inputOf(node, 1)), one), rstd]);
  const bias = emit.reshape(context.plain(inputOf(node, 2)), one);
  const shift = emit.op('Sub', [bias, emit.op('Mul', [mean, scale])]);
  const value = affine(context, context.blocked(x), size, { scale, shift, perExample: true });
  context.setBlocked(outputOf(node), value);
  return true;
};

export const groupNormGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const x = inputOf(node, 0);
  if (!applies(context, x)) return false;
  const groups = intOf(node, 'num_groups', 1);
  const { mean, rstd, size, shape } = groupStatistics(context, x, groups, epsilonOf(node));
  const [value, dy] = [context.blocked(x), context.blocked(inputOf(node, 2))];
  const meanDy = emit.reshape(meanPosition(context, dy, size), shape);
  const meanXDy = emit.reshape(meanProduct(context, value, dy, size), shape);
  const meanXhatDy = emit.op('Mul', [emit.op('Sub', [meanXDy, emit.op('Mul', [mean, meanDy])]), rstd]);
  const gain = emit.reshape(context.plain(inputOf(node, 1)), [1, ...shape.slice(1)]);
  const average = (t: string): string => emit.mean(emit.op('Mul', [gain, t]), [2], true);
  const slope = emit.op('Mul', [emit.op('Mul', [average(meanXhatDy), rstd]), rstd]);
  const level = emit.op('Mul', [average(meanDy), rstd]);
  const offset = emit.op('Sub', [emit.op('Mul', [mean, slope]), level]);
  const whole = (t: string): string => emit.op('Expand', [t, emit.ints(shape)]);
  const scale = emit.op('Mul', [gain, rstd]);
  const rest = affine(context, dy, size, { scale, shift: whole(offset), perExample: true });
  const ofX = whole(emit.op('Neg', [slope]));
  context.setBlocked(outputOf(node), affine(context, value, size, { scale: ofX, perExample: true, rest }));
  const perExample = intOf(node, 'per_example', 0) === 1;
  const total = (t: string): string => {
    const rows = emit.op('Mul', [emit.reshape(t, [size.n, size.c]), emit.scalar(size.h * size.w)]);
    return perExample ? rows : emit.sum(rows, [0]);
  };
  context.setPlain(outputOf(node, 1), total(meanXhatDy));
  context.setPlain(outputOf(node, 2), total(meanDy));
  return true;
};
