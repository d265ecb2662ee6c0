/** Element-wise operators: the same nodes in either layout. */
import { float, floatOf } from '../graph/attributes.ts';
import { sameDims } from '../graph/shapes.ts';
import type { Node } from '../graph/types.ts';
import { GELU_TANH, isTanhGelu } from '../ops/gelu.ts';
import { LEAKY_RELU_ALPHA } from '../ops/leaky-relu.ts';
import type { Emitter } from './emitter.ts';
import { inputOf, outputOf, type Layout, type LowerContext, type LowerRule } from './context.ts';
import type { LowerTarget } from './target.ts';

/** Slope with which HardSigmoid is a step: 0 for x ≤ 0, 1 from x = 1e-38 on, the smallest normal number. */
const STEEP = 1e38;

/** 1 where x > 0, else 0, as float32. */
export function positive(emit: Emitter, x: string, target: LowerTarget): string {
  if (target.steepStep) return emit.op('HardSigmoid', [x], { alpha: float(STEEP), beta: float(0) });
  return toFloat(emit, emit.op('Greater', [x, emit.scalar(0)]));
}

export const toFloat = (emit: Emitter, condition: string): string =>
  emit.op('Cast', [condition], { to: { kind: 'int', value: 1 } });

type Formula = (context: LowerContext, node: Node, get: (index: number) => string) => string;

const asItIs: Formula = (context, node, get) =>
  context.emit.op(
    node.op,
    node.inputs.map((name, index) => (name === '' ? '' : get(index))),
    node.attributes,
  );

const reluGrad: Formula = (context, _, get) =>
  context.emit.op('Mul', [get(1), positive(context.emit, get(0), context.target)]);

const maskedDropout: Formula = (context, _, get) => context.emit.op('Mul', [get(0), get(1)]);

const clipGrad: Formula = (context, node, get) => {
  const { emit } = context;
  const [low, high] = [node.inputs[1] ?? '', node.inputs[2] ?? ''];
  const inside = [
    ...(low === '' ? [] : [toFloat(emit, emit.op('Greater', [get(0), context.plain(low)]))]),
    ...(high === '' ? [] : [toFloat(emit, emit.op('Less', [get(0), context.plain(high)]))]),
  ];
  return inside.reduce((product, mask) => emit.op('Mul', [product, mask]), get(3));
};

const hardSwishGrad: Formula = (context, _, get) => {
  const { emit } = context;
  const x = get(0);
  const line = emit.op('Add', [emit.op('Mul', [x, emit.scalar(1 / 3)]), emit.scalar(0.5)]);
  const above = emit.op('Where', [emit.op('Less', [x, emit.scalar(3)]), line, emit.scalar(1)]);
  const slope = emit.op('Where', [emit.op('Greater', [x, emit.scalar(-3)]), above, emit.scalar(0)]);
  return emit.op('Mul', [get(1), slope]);
};

/** dy·(low + (1 − low)·step(x)): 1 where x > 0, else `low`. */
function sloped(context: LowerContext, x: string, low: string, dy: string): string {
  const { emit } = context;
  const step = positive(emit, x, context.target);
  const rest = emit.op('Mul', [step, emit.op('Sub', [emit.scalar(1), low])]);
  return emit.op('Mul', [dy, emit.op('Add', [rest, low])]);
}

const leakyReluGrad: Formula = (context, node, get) =>
  sloped(context, get(0), context.emit.scalar(floatOf(node, 'alpha', LEAKY_RELU_ALPHA)), get(1));

const preluGrad: Formula = (context, _, get) => sloped(context, get(0), get(1), get(2));

const hardSigmoidGrad: Formula = (context, node, get) => {
  const { emit, target } = context;
  const [y, dy] = [get(0), get(1)];
  const above = positive(emit, y, target);
  const below = positive(emit, emit.op('Sub', [emit.scalar(1), y]), target);
  const slope = emit.op('Mul', [emit.op('Mul', [above, below]), emit.scalar(floatOf(node, 'alpha', 0.2))]);
  return emit.op('Mul', [dy, slope]);
};

/** Φ(x) + x·φ(x) with the normal distribution's Φ and density φ. */
function geluSlope(emit: Emitter, x: string): string {
  const phi = emit.op('Erf', [emit.op('Mul', [x, emit.scalar(Math.SQRT1_2)])]);
  const half = emit.op('Mul', [emit.op('Add', [phi, emit.scalar(1)]), emit.scalar(0.5)]);
  const density = emit.op('Exp', [emit.op('Mul', [emit.op('Mul', [x, x]), emit.scalar(-0.5)])]);
  const scaled = emit.op('Mul', [density, emit.scalar(1 / Math.sqrt(2 * Math.PI))]);
  return emit.op('Add', [half, emit.op('Mul', [x, scaled])]);
}

/** With t = tanh(s·(x + c·x³)): (1 + t)/2 + x/2·(1 − t²)·s·(1 + 3c·x²). */
function tanhGeluSlope(emit: Emitter, x: string): string {
  const { scale, cubic } = GELU_TANH;
  const square = emit.op('Mul', [x, x]);
  const times = (value: string, factor: number): string => emit.op('Mul', [value, emit.scalar(factor)]);
  const plus = (value: string, term: number): string => emit.op('Add', [value, emit.scalar(term)]);
  const inner = emit.op('Mul', [x, plus(times(square, scale * cubic), scale)]);
  const t = emit.op('Tanh', [inner]);
  const fall = emit.op('Sub', [emit.scalar(0.5), times(emit.op('Mul', [t, t]), 0.5)]);
  const innerSlope = plus(times(square, 3 * scale * cubic), scale);
  const second = emit.op('Mul', [x, emit.op('Mul', [fall, innerSlope])]);
  return emit.op('Add', [plus(times(t, 0.5), 0.5), second]);
}

const geluGrad: Formula = (context, node, get) => {
  const { emit } = context;
  const slope = (isTanhGelu(node) ? tanhGeluSlope : geluSlope)(emit, get(0));
  return emit.op('Mul', [get(1), slope]);
};

const FORMULAS: Readonly<Record<string, Formula>> = {
  Add: asItIs,
  Sub: asItIs,
  Mul: asItIs,
  Div: asItIs,
  Neg: asItIs,
  Sqrt: asItIs,
  Reciprocal: asItIs,
  Pow: asItIs,
  Exp: asItIs,
  Erf: asItIs,
  Tanh: asItIs,
  Gelu: asItIs,
  LeakyRelu: asItIs,
  PRelu: asItIs,
  HardSigmoid: asItIs,
  Relu: asItIs,
  Sigmoid: asItIs,
  HardSwish: asItIs,
  Clip: asItIs,
  ReluGrad: reluGrad,
  MaskedDropout: maskedDropout,
  ClipGrad: clipGrad,
  HardSwishGrad: hardSwishGrad,
  HardSigmoidGrad: hardSigmoidGrad,
  LeakyReluGrad: leakyReluGrad,
  PReluGrad: preluGrad,
  GeluGrad: geluGrad,
};

/** Blocked when an input is already and all full-size inputs have one shape; else plain. */
function layoutFor(context: LowerContext, node: Node): Layout {
  const output = outputOf(node);
  if (context.blockOf(output) === undefined) return 'plain';
  const full = node.inputs.filter((name) => name !== '' && context.dims(name).length > 0);
  const same = full.every((name) => sameDims(context.dims(name), context.dims(output)));
  return same && full.some((name) => context.isBlocked(name)) ? 'blocked' : 'plain';
}

export const elementwiseRule: LowerRule = (context, node) => {
  const formula = FORMULAS[node.op];
  if (formula === undefined) return false;
  const layout = layoutFor(context, node);
  const get = (index: number): string => {
    const name = inputOf(node, index);
    return context.dims(name).length === 0 ? context.plain(name) : context.get(name, layout);
  };
  context.set(outputOf(node), layout, formula(context, node, get));
  return true;
};
