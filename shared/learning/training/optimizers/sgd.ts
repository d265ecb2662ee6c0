/**
 * Stochastic gradient descent with momentum, plain (Polyak) or Nesterov's (Sutskever et al. 2013, "On the importance of
 * initialization and momentum in deep learning", eqs. 1–4), with the velocity in units of the gradient so that a change
 * of the learning rate acts at once: v ← μ·v + g; w ← w − η·v, or w ← w − η·(g + μ·v).
 */
import type { OptimizerSettings } from '../recipe.ts';
import type { UpdateRule } from './update-rule.ts';
import { add, mul, sub } from './wasm-assembler.ts';

type Coefficient = 'momentum' | 'gradientPart' | 'velocityPart' | 'stepSize' | 'l2';
type Moment = 'velocity';
type SgdSettings = Extract<OptimizerSettings, { kind: 'sgd' }>;

const round = Math.fround;

export function sgdRule(settings: SgdSettings, weightDecay: number): UpdateRule<Coefficient, Moment> {
  const { momentum, nesterov } = settings;
  return {
    momentNames: ['velocity'],
    coefficientNames: ['momentum', 'gradientPart', 'velocityPart', 'stepSize', 'l2'],
    coefficients(_step, learningRate, decayed) {
      return {
        momentum,
        gradientPart: nesterov ? 1 : 0,
        velocityPart: nesterov ? momentum : 1,
        stepSize: learningRate,
        l2: decayed ? weightDecay : 0,
      };
    },
    reference: sgdReference,
    simd({ weight, gradient, moments: { velocity }, coefficients: c }) {
      const direction = add(mul(c.gradientPart, gradient.get), mul(c.velocityPart, velocity.get));
      return [
        ...gradient.set(add(gradient.get, mul(c.l2, weight.get))),
        ...velocity.set(add(mul(c.momentum, velocity.get), gradient.get)),
        ...weight.set(sub(weight.get, mul(c.stepSize, direction))),
      ];
    },
  };
}

const sgdReference: UpdateRule<Coefficient, Moment>['reference'] = (vectors, span, c) => {
  const { weights, gradients } = vectors;
  const { velocity } = vectors.moments;
  const [momentum, stepSize, l2] = [round(c.momentum), round(c.stepSize), round(c.l2)];
  const [gradientPart, velocityPart] = [round(c.gradientPart), round(c.velocityPart)];
  for (let i = span.start; i < span.end; i++) {
    const w = weights[i] ?? 0;
    const g = round((gradients[i] ?? 0) + round(l2 * w));
    const v = round(round(momentum * (velocity[i] ?? 0)) + g);
    velocity[i] = v;
    weights[i] = round(w - round(stepSize * round(round(gradientPart * g) + round(velocityPart * v))));
  }
};
