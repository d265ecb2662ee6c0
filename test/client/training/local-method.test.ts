/** What each strategy asks of a site, on weights that a person can check. */
import { describe, expect, it } from 'vitest';
import { localMethod, personalWeights, type MethodInput } from '../../../client/training/local-method.ts';
import { nextSiteControl } from '../../../client/training/site-control.ts';
import { STRATEGY_NAMES, strategySchema, type StrategyInput } from '../../../shared/protocol/strategy.ts';
import { manifestWith } from '../../shared/learning/training/manifests.ts';

/** Two kernels and the four values of a normalisation layer with one channel. */
const manifest = manifestWith([
  { kind: 'kernel', length: 2 },
  { kind: 'normScale', length: 1 },
  { kind: 'normShift', length: 1 },
  { kind: 'runningMean', length: 1 },
  { kind: 'runningVariance', length: 1 },
]);
const weights = Float32Array.of(1, 2, 1, 0, 0, 1);
const trained = Float32Array.of(1.5, 1, 1.25, 0.5, 3, 4);

const methodOf = (strategy: StrategyInput, change: Partial<MethodInput> = {}) =>
  localMethod({ strategy: strategySchema.parse(strategy), manifest, weights, ...change });

/** Gradients after a method's hooks, from zero. */
function hooked(method: ReturnType<typeof methodOf>, at: Float32Array): number[] {
  const gradients = new Float32Array(at.length);
  for (const hook of method.hooks) hook(gradients, at);
  return [...gradients];
}

describe('a site', () => {
  it.each(STRATEGY_NAMES.filter((name) => name !== 'scaffold' && name !== 'fedbn'))(
    'of %s sends all that changed and keeps nothing',
    (name) => {
      const method = methodOf(name);
      expect(method.startWeights).toBe(weights);
      expect(method.contribution(trained, 1)).toEqual({ delta: Float32Array.of(0.5, -1, 0.25, 0.5, 3, 3) });
    },
  );

  it('of FedProx is pulled back by μ·(w − w₀), running statistics are not', () => {
    expect(hooked(methodOf({ name: 'fedprox', mu: 0.5 }), trained)).toEqual([0.25, -0.5, 0.125, 0.25, 0, 0]);
    expect(methodOf({ name: 'fedprox', mu: 0 }).hooks).toEqual([]);
  });
});

describe('SCAFFOLD', () => {
  const serverControl = Float32Array.of(0.5, 1, 0, 0, 0, 0);
  const state = { kind: 'control', control: Float32Array.of(2, -1, 0, 0, 0, 0) } as const;

  it('corrects gradients by c − cᵢ', () => {
    const method = methodOf('scaffold', { serverControl, state });
    expect(hooked(method, trained)).toEqual([-1.5, 2, 0, 0, 0, 0]);
    expect(hooked(methodOf('scaffold', { serverControl }), trained)).toEqual([0.5, 1, 0, 0, 0, 0]);
  });

  it('renews cᵢ by option II and sends both differences', () => {
    // K·η = 0.25: (x − y)/(K·η) = [−2, 4, −1, −2]; cᵢ − c = [1.5, −2, 0, 0]
    const next = Float32Array.of(-0.5, 2, -1, -2, 0, 0);
    expect(methodOf('scaffold', { serverControl, state }).contribution(trained, 0.25)).toEqual({
      delta: Float32Array.of(0.5, -1, 0.25, 0.5, 3, 3),
      controlDelta: Float32Array.of(-2.5, 3, -1, -2, 0, 0),
      kept: { kind: 'control', control: next },
    });
  });

  it('has the mean gradient as control variate after plain steps', () => {
    // Two steps of rates 0.1 and 0.3 with gradients 1 and 2: y − x = −0.7, mean weighted by rates 0.7/0.4.
    const one = manifestWith([{ kind: 'kernel', length: 1 }]);
    const zero = new Float32Array(1);
    const next = nextSiteControl({
      control: zero,
      serverControl: zero,
      delta: Float32Array.of(-0.7),
      rateSum: 0.4,
      manifest: one,
    });
    expect(next[0]).toBeCloseTo(1.75, 6);
  });

  it('is not trained without the server’s control variate, nor with what another strategy kept', () => {
    expect(() => methodOf('scaffold')).toThrow('control variate of the server');
    const foreign = { kind: 'normalization', values: new Float32Array(4) } as const;
    expect(() => methodOf('scaffold', { serverControl, state: foreign })).toThrow('another strategy');
  });
});

describe('FedBN', () => {
  const state = { kind: 'normalization', values: Float32Array.of(9, 8, 7, 6) } as const;

  it('starts from the site’s own normalisation layers', () => {
    expect(methodOf('fedbn').startWeights).toEqual(weights);
    expect([...methodOf('fedbn', { state }).startWeights]).toEqual([1, 2, 9, 8, 7, 6]);
    expect([...personalWeights(weights, state, manifest)]).toEqual([1, 2, 9, 8, 7, 6]);
    expect([...weights]).toEqual([1, 2, 1, 0, 0, 1]);
  });

  it('sends nothing of them and keeps them', () => {
    expect(methodOf('fedbn', { state }).contribution(trained, 1)).toEqual({
      delta: Float32Array.of(0.5, -1, 0, 0, 0, 0),
      kept: { kind: 'normalization', values: Float32Array.of(1.25, 0.5, 3, 4) },
    });
  });

  it('is not trained with values of another model', () => {
    const other = { kind: 'normalization', values: new Float32Array(3) } as const;
    expect(() => methodOf('fedbn', { state: other })).toThrow('another model');
  });
});
