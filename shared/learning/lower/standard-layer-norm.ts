/** Layer normalisation and its gradient in standard operators. */
import { int, float } from '../graph/attributes.ts';
import { firstNormalizedAxis } from '../ops/layer-normalization.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import { epsilonOf } from './standard-norm.ts';
import type { Node } from '../graph/types.ts';

/** Forward and gradient of one layer have the same key. */
const keyOf = (node: Node, rank: number): string =>
  `${inputOf(node, 0)} ${String(firstNormalizedAxis(node, rank))} ${String(epsilonOf(node))}`;

const hasGradient = (context: LowerContext, x: string): boolean =>
  context.consumers(x).some((node) => node.op === 'LayerNormGrad');

/** The runtime's own operator, which hands the mean and 1/σ on to the gradient. */
export const layerNormalization: LowerRule = (context, node) => {
  const x = inputOf(node, 0);
  const rank = context.dims(x).length;
  const attributes = { axis: int(firstNormalizedAxis(node, rank)), epsilon: float(epsilonOf(node)) };
  const inputs = node.inputs.map((name) => context.plain(name));
  const count = hasGradient(context, x) ? 3 : 1;
  const [y = '', mean, rstd] = context.emit.add('LayerNormalization', inputs, attributes, '', count);
  context.setPlain(outputOf(node), y);
  if (mean !== undefined && rstd !== undefined) {
    context.once(`layer-mean ${keyOf(node, rank)}`, () => mean);
    context.once(`layer-rstd ${keyOf(node, rank)}`, () => rstd);
  }
  return true;
};

/** With g = dy·scale over the M normalised values: dx = (g − mean(g) − x̂·mean(g·x̂))/σ. */
export const layerNormGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const x = inputOf(node, 0);
  const dims = context.dims(x);
  const first = firstNormalizedAxis(node, dims.length);
  const before = dims.slice(0, first).map((_, axis) => axis);
  const axes = dims.slice(first).map((_, index) => first + index);
  const key = keyOf(node, dims.length);
  const mean = context.once(`layer-mean ${key}`, () => emit.mean(context.plain(x), axes, true));
  const centred = emit.op('Sub', [context.plain(x), mean]);
  const rstd = context.once(`layer-rstd ${key}`, () => {
    const variance = emit.mean(emit.op('Mul', [centred, centred]), axes, true);
    const stdDev = emit.op('Sqrt', [emit.op('Add', [variance, emit.scalar(epsilonOf(node))])]);
    return emit.op('Reciprocal', [stdDev]);
  });
  const xhat = emit.op('Mul', [centred, rstd]);
  const dy = context.plain(inputOf(node, 2));
  const scaled = emit.op('Mul', [dy, context.plain(inputOf(node, 1))]);
  const slope = emit.op('Mul', [xhat, emit.mean(emit.op('Mul', [scaled, xhat]), axes, true)]);
  const inner = emit.op('Sub', [emit.op('Sub', [scaled, emit.mean(scaled, axes, true)]), slope]);
  const sum = (value: string): string => (before.length === 0 ? value : emit.sum(value, before));
  context.setPlain(outputOf(node), emit.op('Mul', [inner, rstd]));
  context.setPlain(outputOf(node, 1), sum(emit.op('Mul', [dy, xhat])));
  context.setPlain(outputOf(node, 2), sum(dy));
  return true;
};
