/** Between a round's vectors and the whole weights, by hand: of [a a | b | c c] the middle is frozen. */
import { describe, expect, it } from 'vitest';
import { nextSiteControl } from '../../../client/training/site-control.ts';
import { wholeModel } from '../../../client/training/whole-model.ts';
import { manifestOf, type Manifest } from '../../../shared/learning/weights.ts';

const manifest: Manifest = manifestOf({
  parameters: [
    { name: 'a', dims: [2], kind: 'kernel', trainable: true, initializer: { kind: 'zeros' } },
    {
      name: 'b',
      dims: [1],
      kind: 'runningMean',
      trainable: false,
      frozen: true,
      initializer: { kind: 'zeros' },
    },
    { name: 'c', dims: [2], kind: 'runningMean', trainable: false, initializer: { kind: 'zeros' } },
  ],
});
const initialWeights = (): Float32Array => Float32Array.of(1, 2, 3, 4, 5);

describe('a model of which a part is frozen', () => {
  const sent = { weights: Float32Array.of(10, 20, 40, 50), serverControl: Float32Array.of(7, 8, 0, 0) };

  it('is made whole with the frozen weights of the file', () => {
    const { vectors } = wholeModel({ ...sent, manifest, initialWeights });
    expect([...vectors.weights]).toEqual([10, 20, 3, 40, 50]);
    expect([...(vectors.serverControl ?? [])]).toEqual([7, 8, 0, 0, 0]);
    expect([...sent.weights]).toEqual([10, 20, 40, 50]);
  });

  it('sends the rest of a contribution and keeps all of it', () => {
    const whole = Float32Array.of(1, 2, 0, 4, 5);
    const kept = { kind: 'control', control: whole } as const;
    const { sent: part } = wholeModel({ ...sent, manifest, initialWeights });
    expect(part({ delta: whole, controlDelta: whole, kept })).toEqual({
      delta: Float32Array.of(1, 2, 4, 5),
      controlDelta: Float32Array.of(1, 2, 4, 5),
      kept,
    });
  });

  it('is neither made from vectors of another round nor without its file', () => {
    const long = { weights: new Float32Array(5), manifest, initialWeights };
    expect(() => wholeModel(long)).toThrow('another model');
    expect(() => wholeModel({ ...sent, manifest })).toThrow('frozen weights');
  });
});

it('a model of which nothing is frozen is what was sent', () => {
  const free = manifestOf({
    parameters: [{ name: 'a', dims: [2], kind: 'kernel', trainable: true, initializer: { kind: 'zeros' } }],
  });
  const weights = Float32Array.of(1, 2);
  const { vectors, sent } = wholeModel({ weights, manifest: free });
  expect(vectors.weights).toBe(weights);
  const contribution = { delta: weights };
  expect(sent(contribution)).toBe(contribution);
});

it('a control variate is the mean gradient also where the body has a smaller rate', () => {
  // Two steps of rates 0.1 and 0.3, gradients 1 and 2: head y − x = −0.7; body at a tenth of the rate −0.07.
  const parameter = { dims: [1], kind: 'kernel', trainable: true, initializer: { kind: 'zeros' } } as const;
  const two = manifestOf({
    parameters: [
      { ...parameter, name: 'body', learningRateFactor: 0.1 },
      { ...parameter, name: 'head' },
    ],
  });
  const zero = new Float32Array(2);
  const next = nextSiteControl({
    ...{ control: zero, serverControl: zero, delta: Float32Array.of(-0.07, -0.7) },
    ...{ rateSum: 0.4, manifest: two },
  });
  expect(next[0]).toBeCloseTo(1.75, 5);
  expect(next[1]).toBeCloseTo(1.75, 5);
});
