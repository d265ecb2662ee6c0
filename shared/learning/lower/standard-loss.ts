/** The losses and their gradients in standard operators. */
import { floatOf, int } from '../graph/attributes.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import type { Node } from '../graph/types.ts';

/** (1−s)·t + s·rest */
function smoothed(context: LowerContext, node: Node, rest: number): string {
  const { emit } = context;
  const targets = context.plain(inputOf(node, 1));
  const smoothing = floatOf(node, 'label_smoothing', 0);
  if (smoothing === 0) return targets;
  const kept = emit.op('Mul', [targets, emit.scalar(1 - smoothing)]);
  return emit.op('Add', [kept, emit.scalar(smoothing * rest)]);
}

function logSoftmax(context: LowerContext, logits: string): string {
  const { emit } = context;
  if (context.target.logSoftmax) return emit.op('LogSoftmax', [logits], { axis: int(-1) });
  const highest = emit.op('ReduceMax', [logits, emit.ints([1])], { keepdims: int(1) });
  const shifted = emit.op('Sub', [logits, highest]);
  return emit.op('Sub', [shifted, emit.op('Log', [emit.sum(emit.op('Exp', [shifted]), [1], true)])]);
}

/** The weighted sum of the rows' losses, as a scalar. */
function weightedTotal(context: LowerContext, losses: string, column: string): string {
  const { emit } = context;
  return emit.op('ReduceSum', [emit.op('Mul', [losses, column]), emit.ints([0, 1])], { keepdims: int(0) });
}

const columnOf = (context: LowerContext, node: Node): string => {
  const weights = inputOf(node, 2);
  return context.emit.reshape(context.plain(weights), [context.dims(weights)[0] ?? 0, 1]);
};

export const softmaxCrossEntropy: LowerRule = (context, node) => {
  const { emit } = context;
  const logits = inputOf(node, 0);
  const targets = smoothed(context, node, 1 / (context.dims(logits)[1] ?? 1));
  const column = columnOf(context, node);
  const log = logSoftmax(context, context.plain(logits));
  const losses = emit.op('Neg', [emit.op('Mul', [log, targets])]);
  context.setPlain(outputOf(node), weightedTotal(context, losses, column));
  const mass = emit.sum(targets, [1], true);
  const expected = emit.op('Mul', [emit.op('Exp', [log]), mass]);
  context.setPlain(outputOf(node, 1), emit.op('Mul', [emit.op('Sub', [expected, targets]), column]));
  return true;
};

export const sigmoidCrossEntropy: LowerRule = (context, node) => {
  const { emit } = context;
  const logits = context.plain(inputOf(node, 0));
  const targets = smoothed(context, node, 0.5);
  const column = columnOf(context, node);
  const decay = emit.op('Exp', [emit.op('Neg', [emit.op('Abs', [logits])])]);
  const tail = emit.op('Log', [emit.op('Add', [decay, emit.scalar(1)])]);
  const straight = emit.op('Sub', [emit.op('Relu', [logits]), emit.op('Mul', [logits, targets])]);
  context.setPlain(outputOf(node), weightedTotal(context, emit.op('Add', [straight, tail]), column));
  const error = emit.op('Sub', [emit.op('Sigmoid', [logits]), targets]);
  context.setPlain(outputOf(node, 1), emit.op('Mul', [error, column]));
  return true;
};
