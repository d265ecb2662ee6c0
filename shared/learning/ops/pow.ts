/** Pow (ONNX Pow-15) with a constant scalar exponent e: dy·e·x^(e−1). */
import { GraphError } from '../../errors.ts';
import { describeNode } from '../graph/attributes.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { elementwise, sameAsInput } from './rules.ts';

function infer(context: ShapeContext): ReturnType<Operator['infer']> {
  if (context.input(1).dims.length !== 0)
    throw new GraphError(`The exponent of ${describeNode(context.node)} must be a scalar.`);
  return sameAsInput(context);
}

function exponentOf(context: GradientContext): number {
  const tensor = context.build.constant(context.input(1));
  const value = tensor?.dtype === 'float32' ? tensor.data[0] : undefined;
  if (value === undefined)
    throw new GraphError(`The exponent of ${describeNode(context.node)} must be a float32 constant.`);
  return value;
}

function slope(context: GradientContext): string {
  const { build, outputGradient: dy } = context;
  const exponent = exponentOf(context);
  const power = build.op('Pow', [context.input(0), build.scalar(exponent - 1)]);
  return build.op('Mul', [dy, build.op('Mul', [power, build.scalar(exponent)])]);
}

export const pow: Operator = {
  domain: '',
  op: 'Pow',
  inputCount: { min: 2, max: 2 },
  infer,
  gradient: elementwise(slope),
  tensorflow: (context: TensorFlowContext) => [context.tf.pow(context.asHandedOn(0), context.plain(1))],
};
