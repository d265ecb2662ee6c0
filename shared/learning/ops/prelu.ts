/** PRelu (ONNX PRelu-16; He et al. 2015, §2.1): x for x > 0, slope·x elsewhere; the slope is broadcast to x. */
import { GraphError } from '../../errors.ts';
import { describeNode } from '../graph/attributes.ts';
import { broadcastDims, sameDims } from '../graph/shapes.ts';
import type { GradientContext, Operator, ShapeContext } from './operator.ts';
import { reduceTo, sameAsInput } from './rules.ts';
import { tensorflowBinary } from './tensorflow-rules.ts';

function infer(context: ShapeContext): ReturnType<Operator['infer']> {
  const { dims } = context.input(0);
  if (!sameDims(broadcastDims(dims, context.input(1).dims, context.node), dims))
    throw new GraphError(`The slope of ${describeNode(context.node)} is larger than its input.`);
  return sameAsInput(context);
}

function gradient(context: GradientContext): readonly (string | undefined)[] {
  const { build, outputGradient: dy } = context;
  const [x, slope] = [context.input(0), context.input(1)];
  const ofSlope = (): string => {
    const negative = build.op('Min', [x, build.scalar(0)]);
    return reduceTo(build, build.op('Mul', [dy, negative]), context.type(slope).dims);
  };
  return [
    context.needs(0) ? build.own('PReluGrad', [x, slope, dy])[0] : undefined,
    context.needs(1) ? ofSlope() : undefined,
  ];
}

export const prelu: Operator = {
  domain: '',
  op: 'PRelu',
  inputCount: { min: 2, max: 2 },
  infer,
  gradient,
  tensorflow: tensorflowBinary((lib, x, slope) => lib.add(lib.relu(x), lib.mul(slope, lib.minimum(x, 0)))),
};

/** (x, slope, dy) → dy where x > 0, else slope·dy. */
export const preluGrad: Operator = {
  domain: 'consilium',
  op: 'PReluGrad',
  inputCount: { min: 3, max: 3 },
  infer: sameAsInput,
};
