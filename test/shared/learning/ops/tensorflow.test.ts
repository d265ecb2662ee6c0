/** Every operator's gradient against TensorFlow.js, plain `cpu` backend: another implementation by other people. */
import { describe, expect, it } from 'vitest';
import { openTensorFlow } from '../../../../shared/learning/engines/tensorflow.ts';
import { STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { CASES } from './cases.ts';
import { expectClose, modelOf, ONE_EXAMPLE, weightsOf } from './gradient-case.ts';
import { lowered, withEngine } from './runners.ts';

const engine = await openTensorFlow('tensorflow-js');
const tensorflow = withEngine(engine);
const standard = lowered(STANDARD_TARGET);

describe('gradients of the derived graph are those of TensorFlow.js', () => {
  it.each(CASES.map((test) => [test.name, test] as const))('%s', async (_, test) => {
    const model = modelOf(test);
    const weights = weightsOf(test);
    const options = { batchSize: 1, loss: 'softmax', ...test.options } as const;
    const expected = await tensorflow(model, options, weights, ONE_EXAMPLE);
    const actual = await standard(model, options, weights, ONE_EXAMPLE);
    expect(actual.loss).toBeCloseTo(expected.loss, 4);
    expectClose(model, actual.gradients, expected.gradients);
  });
});
