/** Element-wise operators: the same nodes in either layout. */
import { float } from '../graph/attributes.ts';
import { sameDims } from '../graph/shapes.ts';
import type { Node } from '../graph/types.ts';
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

const FORMULAS: Readonly<Record<string, Formula>> = {
  Add: asItIs,
  Sub: asItIs,
  Mul: asItIs,
  Div: asItIs,
  Neg: asItIs,
  Sqrt: asItIs,
  Relu: asItIs,
  Sigmoid: asItIs,
  HardSwish: asItIs,
  Clip: asItIs,
  ReluGrad: reluGrad,
  MaskedDropout: maskedDropout,
  ClipGrad: clipGrad,
  HardSwishGrad: hardSwishGrad,
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
