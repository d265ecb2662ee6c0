/** Batch and group normalisation and their gradients in standard operators, NCHW. */
import { floatOf, intOf } from '../graph/attributes.ts';
import type { Node } from '../graph/types.ts';
import { NORMALIZATION_EPSILON } from '../ops/batch-normalization.ts';
import type { Emitter } from './emitter.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';

export const epsilonOf = (node: Node): number => floatOf(node, 'epsilon', NORMALIZATION_EPSILON);

/** 1/√(variance + ε) */
export function reciprocalStdDev(emit: Emitter, variance: string, epsilon: number): string {
  return emit.op('Reciprocal', [emit.op('Sqrt', [emit.op('Add', [variance, emit.scalar(epsilon)])])]);
}

const AXES = [0, 2, 3];
const perChannel = (context: LowerContext, value: string, channels: number): string =>
  context.emit.reshape(value, [1, channels, 1, 1]);

export const batchNormTraining: LowerRule = (context, node) => {
  const { emit } = context;
  const x = inputOf(node, 0);
  const channels = context.dims(x)[1] ?? 0;
  const mean = emit.mean(context.plain(x), AXES, true);
  const centred = emit.op('Sub', [context.plain(x), mean]);
  const variance = emit.mean(emit.op('Mul', [centred, centred]), AXES, true);
  const scale = perChannel(context, context.plain(inputOf(node, 1)), channels);
  const shift = perChannel(context, context.plain(inputOf(node, 2)), channels);
  const factor = emit.op('Mul', [scale, reciprocalStdDev(emit, variance, epsilonOf(node))]);
  context.setPlain(outputOf(node), emit.op('Add', [emit.op('Mul', [centred, factor]), shift]));
  context.setPlain(outputOf(node, 1), emit.reshape(mean, [channels]));
  context.setPlain(outputOf(node, 2), emit.reshape(variance, [channels]));
  return true;
};

/** x̂, 1/σ and scale in broadcastable form, for either gradient of batch normalisation. */
function normalized(context: LowerContext, node: Node) {
  const { emit } = context;
  const x = inputOf(node, 0);
  const channels = context.dims(x)[1] ?? 0;
  const [scale, mean, variance] = [1, 2, 3].map((index) =>
    perChannel(context, context.plain(inputOf(node, index)), channels),
  );
  const rstd = reciprocalStdDev(emit, variance ?? '', epsilonOf(node));
  const xhat = emit.op('Mul', [emit.op('Sub', [context.plain(x), mean ?? '']), rstd]);
  const dy = context.plain(inputOf(node, 4));
  const dshift = emit.sum(dy, AXES, true);
  const dscale = emit.sum(emit.op('Mul', [dy, xhat]), AXES, true);
  context.setPlain(outputOf(node, 1), emit.reshape(dscale, [channels]));
  context.setPlain(outputOf(node, 2), emit.reshape(dshift, [channels]));
  return { xhat, dy, dshift, dscale, factor: emit.op('Mul', [scale ?? '', rstd]) };
}

export const batchNormTrainingGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const [n = 0, , h = 0, w = 0] = context.dims(inputOf(node, 0));
  const { xhat, dy, dshift, dscale, factor } = normalized(context, node);
  const share = emit.scalar(1 / (n * h * w));
  const mean = emit.op('Mul', [dshift, share]);
  const slope = emit.op('Mul', [xhat, emit.op('Mul', [dscale, share])]);
  const inner = emit.op('Sub', [emit.op('Sub', [dy, mean]), slope]);
  context.setPlain(outputOf(node), emit.op('Mul', [inner, factor]));
  return true;
};

export const batchNormFrozenGrad: LowerRule = (context, node) => {
  const { dy, factor } = normalized(context, node);
  context.setPlain(outputOf(node), context.emit.op('Mul', [dy, factor]));
  return true;
};

/** x̂ [N, G, M] and 1/σ [N, G, 1] of group normalisation, made once for forward and gradient. */
function groupNormalized(context: LowerContext, x: string, groups: number, epsilon: number) {
  const { emit } = context;
  const [n = 0, c = 0, h = 0, w = 0] = context.dims(x);
  const key = `${x} ${String(groups)} ${String(epsilon)}`;
  const centred = context.once(`group-centred ${key}`, () => {
    const rows = emit.reshape(context.plain(x), [n, groups, (c / groups) * h * w]);
    return emit.op('Sub', [rows, emit.mean(rows, [2], true)]);
  });
  const rstd = context.once(`group-rstd ${key}`, () =>
    reciprocalStdDev(emit, emit.mean(emit.op('Mul', [centred, centred]), [2], true), epsilon),
  );
  const xhat = context.once(`group-xhat ${key}`, () => emit.op('Mul', [centred, rstd]));
  return { xhat, rstd };
}

export const groupNormalization: LowerRule = (context, node) => {
  const { emit } = context;
  const x = inputOf(node, 0);
  const dims = context.dims(x);
  const channels = dims[1] ?? 0;
  const { xhat } = groupNormalized(context, x, intOf(node, 'num_groups', 1), epsilonOf(node));
  const scale = perChannel(context, context.plain(inputOf(node, 1)), channels);
  const shift = perChannel(context, context.plain(inputOf(node, 2)), channels);
  const scaled = emit.op('Mul', [emit.reshape(xhat, dims), scale]);
  context.setPlain(outputOf(node), emit.op('Add', [scaled, shift]));
  return true;
};

export const groupNormGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const x = inputOf(node, 0);
  const dims = context.dims(x);
  const [n = 0, c = 0, h = 0, w = 0] = dims;
  const groups = intOf(node, 'num_groups', 1);
  const rows = [n, groups, (c / groups) * h * w];
  const { xhat, rstd } = groupNormalized(context, x, groups, epsilonOf(node));
  const dy = context.plain(inputOf(node, 2));
  const axes = intOf(node, 'per_example', 0) === 1 ? [2, 3] : [0, 2, 3];
  const scale = perChannel(context, context.plain(inputOf(node, 1)), c);
  const scaled = emit.reshape(emit.op('Mul', [dy, scale]), rows);
  const mean = emit.mean(scaled, [2], true);
  const slope = emit.op('Mul', [xhat, emit.mean(emit.op('Mul', [scaled, xhat]), [2], true)]);
  const inner = emit.op('Sub', [emit.op('Sub', [scaled, mean]), slope]);
  context.setPlain(outputOf(node), emit.reshape(emit.op('Mul', [inner, rstd]), dims));
  context.setPlain(outputOf(node, 1), emit.sum(emit.op('Mul', [dy, emit.reshape(xhat, dims)]), axes));
  context.setPlain(outputOf(node, 2), emit.sum(dy, axes));
  return true;
};
