/** Small numbers by hand, undefined cases, and properties of single metrics. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CALIBRATION_BINS,
  calibrationBin,
  expectedCalibrationError,
  reliabilityCurve,
} from '../../../../shared/learning/metrics/calibration.ts';
import {
  addConfusion,
  classScores,
  confusionMatrix,
  confusionScores,
} from '../../../../shared/learning/metrics/confusion.ts';
import {
  predictedClasses,
  sigmoid,
  sigmoidProbabilities,
  softmax,
} from '../../../../shared/learning/metrics/probabilities.ts';
import {
  operatingPoint,
  operatingPointAt,
  rank,
  rankingScores,
  rocCurve,
} from '../../../../shared/learning/metrics/ranking.ts';
import { thinCurve } from '../../../../shared/learning/metrics/thin-curve.ts';

/** The same examples in every run; a failure prints them. */
fc.configureGlobal({ seed: 2017 });

const matrixOf = (labels: number[], predictions: number[], classCount: number) =>
  confusionMatrix({
    labels: Int32Array.from(labels),
    predictions: Int32Array.from(predictions),
    classCount,
  });

describe('confusion matrix', () => {
  it('by hand: 10 cats and dogs', () => {
    // 4 of 5 dogs (class 1) are found, 2 of 5 cats are called dogs.
    const matrix = matrixOf([1, 1, 1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 1, 1, 0, 0, 0], 2);
    expect([...matrix.counts]).toEqual([3, 2, 1, 4]);
    const [, dog] = classScores(matrix);
    expect(dog).toEqual({ precision: 4 / 6, recall: 4 / 5, specificity: 3 / 5, f1: 8 / 11 });
    const scores = confusionScores(matrix);
    expect(scores.accuracy).toBe(0.7);
    expect(scores.balancedAccuracy).toBeCloseTo(0.7, 15);
    // Chance agrees in (5·4 + 5·6)/100 = ½ of the cases.
    expect(scores.kappa).toBeCloseTo(0.4, 15);
    // (4·3 − 2·1)/√(6·5·5·4)
    expect(scores.mcc).toBeCloseTo(10 / Math.sqrt(600), 15);
  });

  it('says undefined, never NaN, for a class without examples or predictions', () => {
    const [a, b, c] = classScores(matrixOf([0, 0, 1], [0, 0, 0], 3));
    expect(a).toMatchObject({ precision: 2 / 3, recall: 1, specificity: 0 });
    expect(b).toEqual({ precision: undefined, recall: 0, specificity: 1, f1: 0 });
    expect(c).toEqual({ precision: undefined, recall: undefined, specificity: 1, f1: undefined });
  });

  it('leaves an absent class out of averages, and counts one that is never predicted as 0', () => {
    const scores = confusionScores(matrixOf([0, 0, 1], [0, 0, 0], 3));
    expect(scores.macroPrecision).toBeCloseTo(1 / 3, 15);
    expect(scores.balancedAccuracy).toBe(0.5);
    expect(scores.mcc).toBe(0);
  });

  it('has no correlation on a single-class split and nothing at all without examples', () => {
    expect(confusionScores(matrixOf([1, 1], [1, 0], 2)).mcc).toBeUndefined();
    expect(confusionScores(matrixOf([1, 1], [1, 1], 2)).kappa).toBeUndefined();
    expect(Object.values(confusionScores(matrixOf([], [], 2)))).toEqual(new Array(11).fill(undefined));
  });

  it('of two parts adds up', () => {
    const sum = addConfusion(matrixOf([0, 1], [0, 0], 2), matrixOf([1], [1], 2));
    expect(sum).toEqual(matrixOf([0, 1, 1], [0, 0, 1], 2));
  });

  it('refuses what does not fit', () => {
    expect(() => matrixOf([0, 2], [0, 0], 2)).toThrow('class 2 of example 1 is outside 0…1');
    expect(() => matrixOf([0, 1], [0, -1], 2)).toThrow('class -1 of example 1');
    expect(() => matrixOf([0], [0, 1], 2)).toThrow('expected 1 predictions, got 2');
  });
});

describe('probabilities', () => {
  it('softmax by hand, and with logits whose exponentials overflow', () => {
    expect([...softmax(Float64Array.of(0, Math.log(3)), 2)]).toEqual([
      expect.closeTo(0.25, 15),
      expect.closeTo(0.75, 15),
    ]);
    expect([...softmax(Float32Array.of(1e30, 0, -1e30), 3)]).toEqual([1, 0, 0]);
    expect([...softmax(Float64Array.of(-Infinity, 5), 2)]).toEqual([0, 1]);
  });

  it('softmax rows are distributions that do not change when a constant is added', () => {
    const logit = fc.double({ min: -700, max: 700, noNaN: true });
    fc.assert(
      fc.property(fc.array(logit, { minLength: 2, maxLength: 6 }), logit, (row, shift) => {
        const p = softmax(Float64Array.from(row), row.length);
        expect(p.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
        const shifted = softmax(
          Float64Array.from(row, (x) => x + shift),
          row.length,
        );
        shifted.forEach((value, i) => {
          expect(value).toBeCloseTo(p[i] ?? NaN, 9);
        });
      }),
    );
  });

  it('names the example whose logits are not finite', () => {
    expect(() => softmax(Float64Array.of(0, 1, NaN, 1), 2)).toThrow('example 1');
    expect(() => softmax(Float64Array.of(Infinity, 1), 2)).toThrow('example 0');
    expect(() => softmax(Float64Array.of(-Infinity, -Infinity), 2)).toThrow('example 0');
    expect(() => sigmoidProbabilities(Float64Array.of(0, NaN))).toThrow('example 1');
    expect(() => softmax(Float64Array.of(1, 2, 3), 2)).toThrow('rows of 2');
  });

  it('sigmoid keeps small values', () => {
    expect(sigmoid(0)).toBe(0.5);
    expect(sigmoid(-700)).toBeCloseTo(Math.exp(-700), 310);
    expect(sigmoid(-700)).toBeGreaterThan(0);
    expect(sigmoid(1000)).toBe(1);
    expect([...sigmoidProbabilities(Float64Array.of(0, -1000))]).toEqual([0.5, 0.5, 1, 0]);
  });

  it('predicts the first of equally probable classes', () => {
    expect([...predictedClasses(Float64Array.of(0.2, 0.4, 0.4, 0.1, 0.1, 0.8), 3)]).toEqual([1, 2]);
  });
});

const rankingOf = (scores: number[], positives: number[]) => rank(scores, (i) => positives[i] === 1);

/** Mann–Whitney over all pairs. */
function naiveAuc(scores: number[], positives: number[], weights: number[]): number {
  let won = 0;
  let pairs = 0;
  scores.forEach((a, i) => {
    scores.forEach((b, j) => {
      if (positives[i] !== 1 || positives[j] === 1) return;
      const weight = (weights[i] ?? 0) * (weights[j] ?? 0);
      pairs += weight;
      won += weight * (a > b ? 1 : a === b ? 0.5 : 0);
    });
  });
  return won / pairs;
}

describe('ranking', () => {
  it('area by hand: ties count one half', () => {
    // Pairs (positive, negative): .8>.5, .8>.2, .5=.5, .5>.2.
    expect(rankingScores(rankingOf([0.8, 0.5, 0.5, 0.2], [1, 1, 0, 0])).auc).toBe(3.5 / 4);
  });

  it('area and curve agree with all pairs, for tied scores and any weights', () => {
    const example = fc.record({
      score: fc.integer({ min: 0, max: 6 }),
      positive: fc.integer({ min: 0, max: 1 }),
      weight: fc.integer({ min: 0, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(example, { maxLength: 30 }), (examples) => {
        const scores = examples.map((e) => e.score);
        const positives = examples.map((e) => e.positive);
        const weights = examples.map((e) => e.weight);
        const ranking = rankingOf(scores, positives);
        const { auc } = rankingScores(ranking, Float64Array.from(weights));
        const expected = naiveAuc(scores, positives, weights);
        const curve = rocCurve(ranking, Float64Array.from(weights));
        if (Number.isNaN(expected)) {
          expect(auc).toBeUndefined();
          expect(curve).toEqual([]);
          return;
        }
        expect(auc).toBeCloseTo(expected, 12);
        const area = curve.reduce((total, point, i) => {
          const before = curve[i - 1] ?? point;
          const width = point.falsePositiveRate - before.falsePositiveRate;
          return total + (width * (point.truePositiveRate + before.truePositiveRate)) / 2;
        }, 0);
        expect(area).toBeCloseTo(expected, 12);
      }),
    );
  });

  it('is undefined where one side is missing', () => {
    expect(rankingScores(rankingOf([1, 2], [1, 1]))).toEqual({ auc: undefined, averagePrecision: 1 });
    expect(rankingScores(rankingOf([1, 2], [0, 0]))).toEqual({
      auc: undefined,
      averagePrecision: undefined,
    });
    expect(rankingScores(rankingOf([], []))).toEqual({ auc: undefined, averagePrecision: undefined });
    expect(() => rankingOf([NaN], [1])).toThrow('example 0');
  });

  it('operating point: the highest threshold that reaches the sensitivity', () => {
    const ranking = rankingOf([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 0, 1, 1, 0, 0]);
    expect(operatingPoint(ranking, 0.6)).toEqual({
      threshold: 0.7,
      sensitivity: 2 / 3,
      specificity: 2 / 3,
      positivePredictiveValue: 2 / 3,
      negativePredictiveValue: 2 / 3,
    });
    expect(operatingPoint(ranking, 1)?.threshold).toBe(0.6);
    expect(operatingPoint(rankingOf([1, 2], [0, 0]), 0.9)).toBeUndefined();
    expect(() => operatingPoint(ranking, 0)).toThrow('(0, 1]');
  });

  it('operating point: 90 % of 10 positives is 9 of them', () => {
    const ranking = rankingOf(
      Array.from({ length: 10 }, (_, i) => i),
      new Array<number>(10).fill(1),
    );
    expect(operatingPoint(ranking, 0.9)).toMatchObject({ threshold: 1, sensitivity: 0.9 });
  });

  it('operating point at a threshold from elsewhere, beyond all scores included', () => {
    const ranking = rankingOf([0.9, 0.1], [1, 0]);
    expect(operatingPointAt(ranking, 2)).toEqual({
      threshold: 2,
      sensitivity: 0,
      specificity: 1,
      positivePredictiveValue: undefined,
      negativePredictiveValue: 0.5,
    });
    expect(operatingPointAt(ranking, 0)).toMatchObject({ sensitivity: 1, specificity: 0 });
  });
});

describe('calibration', () => {
  it('puts every edge into the bin below it', () => {
    for (let m = 0; m < CALIBRATION_BINS; m++) {
      expect(calibrationBin((m + 1) / CALIBRATION_BINS)).toBe(m);
      expect(calibrationBin(m / CALIBRATION_BINS + 1e-9)).toBe(m);
    }
    expect(calibrationBin(0)).toBe(0);
  });

  it('by hand: two bins', () => {
    const bins = [
      { count: 0, confidenceSum: 0, correctSum: 0 },
      // Confidence .7, accuracy .5.
      { count: 4, confidenceSum: 2.8, correctSum: 2 },
      // Confidence .9, accuracy 1.
      { count: 6, confidenceSum: 5.4, correctSum: 6 },
    ];
    expect(expectedCalibrationError(bins)).toBeCloseTo(0.4 * 0.2 + 0.6 * 0.1, 14);
    expect(reliabilityCurve(bins)[0]).toEqual({
      low: 0,
      high: 1 / 3,
      count: 0,
      confidence: undefined,
      accuracy: undefined,
    });
    expect(expectedCalibrationError([])).toBeUndefined();
  });
});

describe('thinned curves', () => {
  it('drops points on a line, keeps corners and ends', () => {
    expect(
      thinCurve(
        [
          [0, 0],
          [0, 0.5],
          [0, 1],
          [0.3, 1],
          [1, 1],
        ],
        10,
      ),
    ).toEqual([
      [0, 0],
      [0, 1],
      [1, 1],
    ]);
  });

  it('keeps within the limit', () => {
    const arc = Array.from({ length: 500 }, (_, i): [number, number] => [i / 499, Math.sqrt(i / 499)]);
    const thinned = thinCurve(arc, 50);
    expect(thinned).toHaveLength(50);
    expect(thinned[0]).toEqual([0, 0]);
    expect(thinned.at(-1)).toEqual([1, 1]);
  });
});
