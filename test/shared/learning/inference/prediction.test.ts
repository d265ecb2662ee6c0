import { describe, expect, it } from 'vitest';
import { decide, type DecisionRule } from '../../../../shared/learning/inference/prediction.ts';

const RULE: DecisionRule = {
  classNames: ['a', 'b'],
  activation: 'softmax',
  temperature: 2,
  abstainBelow: 0.7,
};

describe('a decision', () => {
  it('divides logits by the temperature', () => {
    const { label, confidence, probabilities, spread } = decide(Float32Array.of(0, 2 * Math.log(3)), RULE);
    expect({ label, spread }).toEqual({ label: 'b', spread: undefined });
    expect(confidence).toBeCloseTo(0.75, 6);
    expect(probabilities[0]).toBeCloseTo(0.25, 6);
  });

  it('abstains below the chosen confidence, not at it', () => {
    const logits = Float32Array.of(0, 0);
    expect(decide(logits, { ...RULE, abstainBelow: 0.5 })).toMatchObject({ label: 'a', abstained: false });
    expect(decide(logits, { ...RULE, abstainBelow: 0.51 }).abstained).toBe(true);
  });

  it('is the mean over copies, with their standard deviation', () => {
    const margin = 2 * Math.log(3);
    const { probabilities, spread } = decide(
      Float32Array.of(0, margin, margin, 0, 0, margin, margin, 0),
      RULE,
    );
    expect(probabilities[0]).toBeCloseTo(0.5, 6);
    // ±0.25 four times: √(4·0.25²/3).
    expect(spread?.[0]).toBeCloseTo(0.25 * Math.sqrt(4 / 3), 6);
  });

  it('of independent classes takes each by itself', () => {
    const { probabilities, label } = decide(Float32Array.of(0, 2 * Math.log(3)), {
      ...RULE,
      activation: 'sigmoid',
    });
    expect(probabilities.map((p) => Number(p.toFixed(6)))).toEqual([0.5, 0.75]);
    expect(label).toBe('b');
  });
});
