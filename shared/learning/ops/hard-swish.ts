/** HardSwish (ONNX HardSwish-14): x·max(0, min(1, x/6 + 1/2)); Howard et al. 2019, §5.2. */
import type { Operator } from './operator.ts';
import { sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const hardSwish: Operator = {
  domain: '',
  op: 'HardSwish',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: (context) => context.build.own('HardSwishGrad', [context.input(0), context.outputGradient]),
  tensorflow: tensorflowUnary((lib, x) => lib.mul(x, lib.div(lib.relu6(lib.add(x, 3)), 6))),
};

/** (x, dy) → dy·(0 for x ≤ −3, 1 for x ≥ 3, x/3 + 1/2 between). */
export const hardSwishGrad: Operator = {
  domain: 'consilium',
  op: 'HardSwishGrad',
  inputCount: { min: 2, max: 2 },
  infer: sameAsInput,
};
