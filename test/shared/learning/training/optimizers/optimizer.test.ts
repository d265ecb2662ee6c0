import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../../../../shared/rng.ts';
import { createOptimizer } from '../../../../../shared/learning/training/optimizers/optimizer.ts';
import { optimizerSchema } from '../../../../../shared/learning/training/recipe.ts';
import { InvariantError } from '../../../../../shared/errors.ts';
import { manifestWith, type EntrySpec } from '../manifests.ts';

const SETTINGS = {
  adam: optimizerSchema.parse({ kind: 'adam' }),
  adamw: optimizerSchema.parse({ kind: 'adamw' }),
  sgd: optimizerSchema.parse({ kind: 'sgd', momentum: 0.9 }),
  'sgd without momentum': optimizerSchema.parse({ kind: 'sgd', momentum: 0 }),
  nesterov: optimizerSchema.parse({ kind: 'sgd', momentum: 0.9, nesterov: true }),
} as const;
type SettingsName = keyof typeof SETTINGS;

const oneKernel = (length: number) => manifestWith([{ kind: 'kernel', length }]);

/** Every gradient is the weight minus its index: a bowl around 0, 1, 2, … */
function bowlGradients(weights: Float32Array, gradients: Float32Array): void {
  for (let i = 0; i < weights.length; i++) gradients[i] = (weights[i] ?? 0) - i;
}

describe('hand-checked steps', () => {
  it('Adam: the first step has the size of the learning rate whatever the gradient', () => {
    const optimizer = createOptimizer({ settings: SETTINGS.adam, weightDecay: 0 }, oneKernel(5));
    optimizer.weights.fill(1);
    optimizer.gradients.set([0.001, -0.5, 3, -1000, 0]);
    optimizer.step(0.1);
    const expected = [0.9, 1.1, 0.9, 1.1, 1];
    expected.forEach((value, i) => {
      expect(optimizer.weights[i]).toBeCloseTo(value, 5);
    });
  });

  it('Adam: two steps with gradients 1 and 2 (m̂, v̂ worked out on paper)', () => {
    const optimizer = createOptimizer({ settings: SETTINGS.adam, weightDecay: 0 }, oneKernel(1));
    optimizer.gradients.fill(1);
    optimizer.step(0.1);
    optimizer.gradients.fill(2);
    optimizer.step(0.1);
    // m = 0.9·0.1 + 0.1·2 = 0.29, m̂ = 0.29/0.19; v = 0.999·0.001 + 0.001·4 = 0.004999, v̂ = 0.004999/0.001999
    const second = (0.1 * (0.29 / 0.19)) / Math.sqrt(0.004999 / 0.001999);
    expect(optimizer.weights[0]).toBeCloseTo(-0.1 - second, 6);
  });

  it('AdamW: decay is beside the step, and only on kernels', () => {
    const manifest = manifestWith([
      { kind: 'kernel', length: 1 },
      { kind: 'bias', length: 1 },
      { kind: 'normScale', length: 1 },
    ]);
    const optimizer = createOptimizer({ settings: SETTINGS.adamw, weightDecay: 0.5 }, manifest);
    optimizer.weights.fill(2);
    optimizer.gradients.fill(0);
    optimizer.step(0.1);
    expect([...optimizer.weights]).toEqual([expect.closeTo(1.9, 6), 2, 2]);
  });

  it('Adam with an L2 penalty follows the penalty’s sign, not its size', () => {
    const optimizer = createOptimizer({ settings: SETTINGS.adam, weightDecay: 0.5 }, oneKernel(2));
    optimizer.weights.set([2, -0.01]);
    optimizer.step(0.1);
    expect([...optimizer.weights]).toEqual([expect.closeTo(1.9, 5), expect.closeTo(0.09, 5)]);
  });

  it.each([
    { name: 'sgd without momentum', expected: [-1, -2, -3] },
    { name: 'sgd', expected: [-1, -2.9, -5.61] },
    { name: 'nesterov', expected: [-1.9, -4.61, -8.049] },
  ] as const)('$name: gradient 1, learning rate 1', ({ name, expected }) => {
    const optimizer = createOptimizer({ settings: SETTINGS[name], weightDecay: 0 }, oneKernel(1));
    for (const value of expected) {
      optimizer.gradients.fill(1);
      optimizer.step(1);
      expect(optimizer.weights[0]).toBeCloseTo(value, 5);
    }
  });
});

describe('the vector kernel and the plain reference', () => {
  it('the kernel is available here, so that the comparison below compares two things', () => {
    expect(createOptimizer({ settings: SETTINGS.adamw, weightDecay: 0 }, oneKernel(4)).backend).toBe('simd');
  });

  const kinds = fc.constantFrom('kernel', 'bias', 'normScale', 'runningMean', 'runningVariance');
  const spec: fc.Arbitrary<EntrySpec> = fc.record({
    kind: kinds,
    length: fc.integer({ min: 1, max: 21 }),
    frozen: fc.boolean(),
  });
  const names: SettingsName[] = ['adam', 'adamw', 'sgd', 'sgd without momentum', 'nesterov'];

  it('are bit-identical for any layout, gradient and learning rate', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(spec, { minLength: 1, maxLength: 6 }),
        fc.integer(),
        fc.constantFrom(0, 0.01, 0.3),
        (name, specs, seed, weightDecay) => {
          const manifest = manifestWith(specs);
          const pair = (['simd', 'reference'] as const).map((backend) =>
            createOptimizer({ settings: SETTINGS[name], weightDecay, backend }, manifest),
          );
          const start = createRng(deriveSeed('start', seed));
          const values = Float32Array.from({ length: manifest.length }, () => start.normal());
          for (const optimizer of pair) {
            optimizer.weights.set(values);
            const rng = createRng(deriveSeed('gradients', seed));
            for (let step = 0; step < 4; step++) {
              const scale = 10 ** rng.integer(20) * 1e-12;
              for (let i = 0; i < manifest.length; i++) optimizer.gradients[i] = rng.normal() * scale;
              optimizer.step(0.01 * (step + 1));
            }
          }
          const [simd, reference] = pair;
          expect(simd?.weights).toEqual(reference?.weights);
          expect(simd?.exportState()).toEqual(reference?.exportState());
        },
      ),
      { numRuns: 150 },
    );
  });

  it('leave untrained values alone, whatever stands in their gradients', () => {
    const manifest = manifestWith([
      { kind: 'kernel', length: 5 },
      { kind: 'runningMean', length: 3 },
      { kind: 'kernel', length: 6, frozen: true },
      { kind: 'bias', length: 3 },
    ]);
    const optimizer = createOptimizer({ settings: SETTINGS.adamw, weightDecay: 0.1 }, manifest);
    optimizer.weights.fill(1);
    optimizer.gradients.fill(5);
    optimizer.step(0.1);
    expect([...optimizer.weights.subarray(5, 14)]).toEqual(new Array(9).fill(1));
    expect([...optimizer.weights.subarray(0, 5)].every((w) => w < 1)).toBe(true);
    expect([...optimizer.weights.subarray(14)].every((w) => w < 1)).toBe(true);
  });
});

describe('every optimiser', () => {
  it.each(Object.keys(SETTINGS) as SettingsName[])('%s finds the bottom of a bowl', (name) => {
    const optimizer = createOptimizer({ settings: SETTINGS[name], weightDecay: 0 }, oneKernel(7));
    for (let step = 0; step < 800; step++) {
      bowlGradients(optimizer.weights, optimizer.gradients);
      optimizer.step(0.05);
    }
    optimizer.weights.forEach((w, i) => {
      expect(Math.abs(w - i)).toBeLessThan(0.02);
    });
  });

  it('continues from an exported state as if it had never stopped, and starts anew after reset', () => {
    const make = () => createOptimizer({ settings: SETTINGS.adamw, weightDecay: 0.01 }, oneKernel(9));
    const run = (optimizer: ReturnType<typeof make>, steps: number) => {
      for (let step = 0; step < steps; step++) {
        bowlGradients(optimizer.weights, optimizer.gradients);
        optimizer.step(0.1);
      }
      return optimizer;
    };
    const whole = run(make(), 10);
    const first = run(make(), 6);
    const second = make();
    second.weights.set(first.weights);
    second.importState(first.exportState());
    expect(run(second, 4).weights).toEqual(whole.weights);
    second.reset();
    second.weights.fill(0);
    expect(run(second, 10).weights).toEqual(whole.weights);
  });

  it('refuses a state of another size', () => {
    const state = createOptimizer({ settings: SETTINGS.sgd, weightDecay: 0 }, oneKernel(3)).exportState();
    const other = createOptimizer({ settings: SETTINGS.sgd, weightDecay: 0 }, oneKernel(4));
    expect(() => {
      other.importState(state);
    }).toThrow(InvariantError);
  });
});
