/**
 * Adam (Kingma, Ba 2015, "Adam: A Method for Stochastic Optimization", Algorithm 1, with the bias corrections moved
 * into the step size and ε as at the end of §2) and AdamW (Loshchilov, Hutter 2019, "Decoupled Weight Decay
 * Regularization", Algorithm 2, with the decay scaled by the learning rate).
 */
import type { OptimizerSettings } from '../recipe.ts';
import type { UpdateRule } from './update-rule.ts';
import { add, div, mul, sqrt, sub } from './wasm-assembler.ts';

type Coefficient =
  'beta1' | 'oneMinusBeta1' | 'beta2' | 'oneMinusBeta2' | 'stepSize' | 'epsilon' | 'l2' | 'decay';
type Moment = 'first' | 'second';
type AdamSettings = Extract<OptimizerSettings, { kind: 'adam' | 'adamw' }>;

const round = Math.fround;

/**
 * With bias corrections c1 = 1−β1^t and c2 = 1−β2^t, α·(m/c1)/(√(v/c2)+ε) = (α·√c2/c1)·m/(√v + ε·√c2):
 * the corrections cost nothing per value, and ε keeps its meaning.
 */
export function adamRule(settings: AdamSettings, weightDecay: number): UpdateRule<Coefficient, Moment> {
  const { beta1, beta2, epsilon } = settings;
  return {
    momentNames: ['first', 'second'],
    coefficientNames: [
      'beta1',
      'oneMinusBeta1',
      'beta2',
      'oneMinusBeta2',
      'stepSize',
      'epsilon',
      'l2',
      'decay',
    ],
    coefficients(step, learningRate, decayed) {
      const correction1 = 1 - beta1 ** step;
      const correction2 = Math.sqrt(1 - beta2 ** step);
      const lambda = decayed ? weightDecay : 0;
      return {
        beta1,
        oneMinusBeta1: 1 - beta1,
        beta2,
        oneMinusBeta2: 1 - beta2,
        stepSize: (learningRate * correction2) / correction1,
        epsilon: epsilon * correction2,
        l2: settings.kind === 'adam' ? lambda : 0,
        decay: settings.kind === 'adamw' ? learningRate * lambda : 0,
      };
    },
    reference: adamReference,
    simd({ weight, gradient, moments: { first, second }, coefficients: c }) {
      return [
        // AdamW leaves the gradient as it is: the memory it would be written to is most of a step's time.
        ...(settings.kind === 'adam' ? gradient.set(add(gradient.get, mul(c.l2, weight.get))) : []),
        ...first.set(add(mul(c.beta1, first.get), mul(c.oneMinusBeta1, gradient.get))),
        ...second.set(add(mul(c.beta2, second.get), mul(c.oneMinusBeta2, mul(gradient.get, gradient.get)))),
        ...weight.set(
          sub(
            sub(weight.get, mul(c.decay, weight.get)),
            div(mul(c.stepSize, first.get), add(sqrt(second.get), c.epsilon)),
          ),
        ),
      ];
    },
  };
}

const adamReference: UpdateRule<Coefficient, Moment>['reference'] = (vectors, span, c) => {
  const { weights, gradients } = vectors;
  const { first, second } = vectors.moments;
  const [beta1, oneMinusBeta1] = [round(c.beta1), round(c.oneMinusBeta1)];
  const [beta2, oneMinusBeta2] = [round(c.beta2), round(c.oneMinusBeta2)];
  const [stepSize, epsilon] = [round(c.stepSize), round(c.epsilon)];
  const [l2, decay] = [round(c.l2), round(c.decay)];
  for (let i = span.start; i < span.end; i++) {
    const w = weights[i] ?? 0;
    const g = round((gradients[i] ?? 0) + round(l2 * w));
    const m = round(round(beta1 * (first[i] ?? 0)) + round(oneMinusBeta1 * g));
    const v = round(round(beta2 * (second[i] ?? 0)) + round(oneMinusBeta2 * round(g * g)));
    first[i] = m;
    second[i] = v;
    const kept = round(w - round(decay * w));
    weights[i] = round(kept - round(round(stepSize * m) / round(round(Math.sqrt(v)) + epsilon)));
  }
};
