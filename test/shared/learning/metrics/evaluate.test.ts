/** The whole evaluation: JSON, intervals against a naive bootstrap, patients, subgroups, metrics over sites. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';
import {
  bootstrapWeights,
  clusterIndices,
  percentileInterval,
  quantile,
} from '../../../../shared/learning/metrics/bootstrap.ts';
import { evaluateClassifier } from '../../../../shared/learning/metrics/evaluate.ts';
import { METRIC_NAMES } from '../../../../shared/learning/metrics/evaluation.ts';
import { prepareExamples } from '../../../../shared/learning/metrics/examples.ts';
import {
  histogramArea,
  mergeSums,
  mergeVectors,
  mergeableLength,
  mergeableMetrics,
  meanOf,
  readMergeable,
} from '../../../../shared/learning/metrics/mergeable.ts';
import { softmax } from '../../../../shared/learning/metrics/probabilities.ts';
import { scoreExamples } from '../../../../shared/learning/metrics/scores.ts';
import { subgroupGap, subgroupScores } from '../../../../shared/learning/metrics/subgroups.ts';

/** The same examples in every run; a failure prints them. */
fc.configureGlobal({ seed: 2017 });

/** A seeded classifier that is right more often than not. */
function syntheticExamples(count: number, classCount: number, seed: number) {
  const rng = createRng(deriveSeed('test examples', seed));
  const labels = Int32Array.from({ length: count }, () => rng.integer(classCount));
  const logits = Float64Array.from(
    { length: count * classCount },
    (_, at) => rng.normal() + (labels[Math.floor(at / classCount)] === at % classCount ? 1.2 : 0),
  );
  return { probabilities: softmax(logits, classCount), labels, classCount };
}

const names = (count: number): string[] => Array.from({ length: count }, (_, c) => `class ${String(c)}`);

describe('evaluation', () => {
  it('survives JSON unchanged', () => {
    const evaluation = evaluateClassifier({
      ...syntheticExamples(80, 3, 1),
      classNames: names(3),
      bootstrap: { replicates: 20, seed: 5 },
    });
    expect(JSON.parse(JSON.stringify(evaluation))).toEqual(evaluation);
    expect(evaluation.bootstrap).toEqual({ replicates: 20, seed: 5, unit: 'image' });
    expect(evaluation.classes.map(({ support }) => support).reduce((a, b) => a + b)).toBe(80);
  });

  it('takes float32 as it takes float64', () => {
    const { probabilities, labels } = syntheticExamples(50, 2, 2);
    const wide = evaluateClassifier({ probabilities, labels, classNames: names(2) });
    const narrow = evaluateClassifier({
      probabilities: Float32Array.from(probabilities),
      labels,
      classNames: names(2),
    });
    expect(narrow.metrics.auc.value).toBe(wide.metrics.auc.value);
    expect(narrow.metrics.logLoss.value).toBeCloseTo(wide.metrics.logLoss.value ?? NaN, 6);
  });

  it('gives two classes DeLong and an operating point, but no DeLong where patients repeat', () => {
    const { probabilities, labels } = syntheticExamples(40, 2, 3);
    const single = evaluateClassifier({ probabilities, labels, classNames: names(2) });
    expect(single.binary?.deLong?.low).toBeLessThan(single.metrics.auc.value ?? NaN);
    expect(single.binary?.operatingPoint?.sensitivity).toBeGreaterThanOrEqual(0.9);
    const patients = Array.from(labels, (_, i) => `p${String(i >> 1)}`);
    const repeated = evaluateClassifier({ probabilities, labels, classNames: names(2), patients });
    expect(repeated.binary).not.toHaveProperty('deLong');
    expect(repeated.patientCount).toBe(20);
  });

  it('is made of undefined values, not NaN, without examples', () => {
    const empty = evaluateClassifier({
      probabilities: new Float32Array(0),
      labels: new Int32Array(0),
      classNames: names(3),
      bootstrap: { replicates: 10, seed: 1 },
    });
    expect(empty.exampleCount).toBe(0);
    for (const name of METRIC_NAMES) expect(empty.metrics[name], name).toEqual({});
    expect(empty.classes[0]).toMatchObject({ support: 0, roc: [], precisionRecall: [] });
  });

  it('copes with a split that has one class', () => {
    const evaluation = evaluateClassifier({
      probabilities: Float32Array.of(0.8, 0.2, 0.4, 0.6),
      labels: Int32Array.of(0, 0),
      classNames: names(2),
      bootstrap: { replicates: 10, seed: 1 },
    });
    expect(evaluation.metrics.accuracy.value).toBe(0.5);
    expect(evaluation.metrics.auc).toEqual({});
    expect(evaluation.metrics.mcc).toEqual({});
    expect(JSON.stringify(evaluation)).not.toContain('null');
  });

  it('never contains NaN or infinity', () => {
    const dimensions = fc.record({
      count: fc.integer({ min: 0, max: 12 }),
      classCount: fc.integer({ min: 2, max: 4 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(dimensions, ({ count, classCount, seed }) => {
        const text = JSON.stringify(
          evaluateClassifier({
            ...syntheticExamples(count, classCount, seed),
            classNames: names(classCount),
            bootstrap: { replicates: 5, seed },
          }),
        );
        // JSON writes both as null.
        expect(text).not.toContain('null');
      }),
    );
  });

  it('names the example that is no distribution, and what has the wrong shape', () => {
    const labels = Int32Array.of(0, 1);
    const of = (...values: number[]) =>
      evaluateClassifier({ probabilities: Float64Array.from(values), labels, classNames: names(2) });
    expect(() => of(0.5, 0.5, 0.9, 0.9)).toThrow('example 1 are not a distribution (sum 1.8)');
    expect(() => of(0.5, 0.5, NaN, 1)).toThrow('example 1');
    expect(() => of(1.5, -0.5, 0, 1)).toThrow('example 0');
    expect(() => of(0.5, 0.5)).toThrow('2 probabilities for 2 labels and 2 classes');
    expect(() =>
      evaluateClassifier({
        probabilities: Float64Array.of(1, 0),
        labels: Int32Array.of(2),
        classNames: names(2),
      }),
    ).toThrow('label 2 of example 0');
    expect(() =>
      evaluateClassifier({
        probabilities: Float64Array.of(1),
        labels: Int32Array.of(0),
        classNames: ['only'],
      }),
    ).toThrow('at least 2 classes');
  });
});

describe('bootstrap', () => {
  const examples = syntheticExamples(40, 3, 9);
  const patients = Array.from(examples.labels, (_, i) => `patient ${String(i % 17)}`);

  it('is what copying the drawn patients and evaluating anew gives', () => {
    const replicates = 25;
    const input = { ...examples, classNames: names(3), patients };
    const fast = evaluateClassifier({ ...input, bootstrap: { replicates, seed: 3 } });
    const groups = clusterIndices(examples.labels.length, patients);
    const accuracies: (number | undefined)[] = [];
    const areas: (number | undefined)[] = [];
    for (const weights of bootstrapWeights({ ...groups, replicates, seed: 3 })) {
      const drawn = [...weights].flatMap((times, i) => new Array<number>(times).fill(i));
      const copy = scoreExamples(
        prepareExamples({
          probabilities: Float64Array.from(
            drawn.flatMap((i) => [...examples.probabilities.slice(3 * i, 3 * i + 3)]),
          ),
          labels: Int32Array.from(drawn, (i) => examples.labels[i] ?? -1),
          classCount: 3,
        }),
      );
      accuracies.push(copy.overall.accuracy);
      areas.push(copy.overall.auc);
    }
    const accuracy = percentileInterval(accuracies);
    const auc = percentileInterval(areas);
    expect(fast.metrics.accuracy.interval?.low).toBeCloseTo(accuracy?.low ?? NaN, 12);
    expect(fast.metrics.accuracy.interval?.high).toBeCloseTo(accuracy?.high ?? NaN, 12);
    expect(fast.metrics.auc.interval?.low).toBeCloseTo(auc?.low ?? NaN, 12);
    expect(fast.metrics.auc.interval?.high).toBeCloseTo(auc?.high ?? NaN, 12);
  });

  it('draws patients whole, as many as there are', () => {
    const groups = clusterIndices(40, patients);
    expect(groups.clusterCount).toBe(17);
    for (const weights of bootstrapWeights({ ...groups, replicates: 10, seed: 1 })) {
      for (let i = 17; i < 40; i++) expect(weights[i]).toBe(weights[i - 17]);
      expect(weights.slice(0, 17).reduce((a, b) => a + b)).toBe(17);
    }
  });

  it('has a wider interval when copies of an image are known to be of one patient', () => {
    const twice = {
      probabilities: Float64Array.from([...examples.probabilities, ...examples.probabilities]),
      labels: Int32Array.from([...examples.labels, ...examples.labels]),
      classNames: names(3),
      bootstrap: { replicates: 300, seed: 4 },
    };
    const width = (evaluation: ReturnType<typeof evaluateClassifier>): number => {
      const interval = evaluation.metrics.accuracy.interval;
      return (interval?.high ?? NaN) - (interval?.low ?? NaN);
    };
    const naive = width(evaluateClassifier(twice));
    const known = Array.from(twice.labels, (_, i) => String(i % 40));
    const honest = width(evaluateClassifier({ ...twice, patients: known }));
    expect(honest).toBeGreaterThan(1.2 * naive);
  });

  it('gives the same interval for the same seed and another for another', () => {
    const at = (seed: number) =>
      evaluateClassifier({ ...examples, classNames: names(3), bootstrap: { replicates: 40, seed } }).metrics
        .logLoss.interval;
    expect(at(1)).toEqual(at(1));
    expect(at(1)).not.toEqual(at(2));
  });

  it('interpolates quantiles and gives up where most replicates are undefined', () => {
    expect(quantile(Float64Array.of(1, 2, 4), 0.75)).toBe(3);
    expect(percentileInterval([1, undefined, undefined])).toBeUndefined();
    expect(percentileInterval([])).toBeUndefined();
    expect(percentileInterval([1, undefined])).toEqual({ low: 1, high: 1 });
  });

  it('refuses a number of replicates or patients that does not fit', () => {
    const at = (replicates: number, count: number) => () =>
      evaluateClassifier({
        ...examples,
        classNames: names(3),
        patients: patients.slice(0, count),
        bootstrap: { replicates, seed: 1 },
      });
    expect(at(0, 40)).toThrow('positive integer');
    expect(at(10, 39)).toThrow('39 patients for 40 examples');
  });
});

describe('subgroups', () => {
  const probabilities = Float64Array.of(0.9, 0.1, 0.2, 0.8, 0.6, 0.4, 0.3, 0.7);
  const labels = Int32Array.of(0, 1, 1, 1);
  const scores = subgroupScores({ probabilities, labels, classCount: 2 }, ['b', 'b', 'a', 'a']);

  it('are scored one by one, and the worst is named', () => {
    expect(scores.map(({ group, metrics }) => [group, metrics.accuracy])).toEqual([
      ['a', 0.5],
      ['b', 1],
    ]);
    expect(subgroupGap(scores, 'accuracy')).toEqual({
      worst: { group: 'a', value: 0.5 },
      best: { group: 'b', value: 1 },
      gap: 0.5,
    });
  });

  it('the worst of a loss is the highest', () => {
    expect(subgroupGap(scores, 'logLoss')?.worst.group).toBe('a');
  });

  it('too small ones are left out, and undefined ones', () => {
    expect(subgroupGap(scores, 'accuracy', 3)).toBeUndefined();
    expect(subgroupGap(scores, 'auc')?.worst.group).toBe('b');
    expect(() => subgroupScores({ probabilities, labels, classCount: 2 }, ['a'])).toThrow(
      '1 groups for 4 examples',
    );
  });
});

describe('metrics over sites', () => {
  it('merge to those of all examples together; the area lies within its bounds', () => {
    const parameters = fc.record({
      seed: fc.nat(),
      cut: fc.integer({ min: 0, max: 60 }),
      classCount: fc.integer({ min: 2, max: 4 }),
    });
    fc.assert(
      fc.property(parameters, ({ seed, cut, classCount }) => {
        const { probabilities, labels } = syntheticExamples(60, classCount, seed);
        const layout = { classCount, scoreBins: 20 };
        const part = (from: number, to: number): Float64Array =>
          mergeableMetrics(
            {
              probabilities: probabilities.slice(from * classCount, to * classCount),
              labels: labels.slice(from, to),
              classCount,
            },
            layout.scoreBins,
          );
        const merged = readMergeable(mergeVectors([part(0, cut), part(cut, 60)]), layout);
        const whole = scoreExamples(prepareExamples({ probabilities, labels, classCount }));
        expect(merged.exampleCount).toBe(60);
        expect(merged.confusion).toEqual(whole.confusion);
        expect(merged.scores.kappa).toBe(whole.overall.kappa);
        expect(merged.logLoss).toBeCloseTo(whole.overall.logLoss ?? NaN, 10);
        expect(merged.brier).toBeCloseTo(whole.overall.brier ?? NaN, 10);
        expect(merged.calibrationError).toBeCloseTo(whole.overall.calibrationError ?? NaN, 10);
        merged.areas.forEach((area, c) => {
          const exact = whole.classes[c]?.auc;
          if (area === undefined || exact === undefined) {
            expect(area).toBe(exact);
            return;
          }
          expect(exact).toBeGreaterThanOrEqual(area.low - 1e-12);
          expect(exact).toBeLessThanOrEqual(area.high + 1e-12);
        });
      }),
      { numRuns: 40 },
    );
  });

  it('area of histograms by hand', () => {
    // Pairs: 2·1 ordered (positive above), 1·1 + 1·0 tied, of 4.
    expect(histogramArea(Float64Array.of(1, 1), Float64Array.of(0, 2))).toEqual({
      auc: 0.75,
      low: 0.5,
      high: 1,
    });
    expect(histogramArea(Float64Array.of(1), Float64Array.of(0))).toBeUndefined();
  });

  it('sums with weights', () => {
    expect(
      meanOf(
        mergeSums([
          { sum: 3, weight: 2 },
          { sum: 1, weight: 2 },
        ]),
      ),
    ).toBe(1);
    expect(meanOf(mergeSums([]))).toBeUndefined();
  });

  it('refuses vectors of another layout', () => {
    const layout = { classCount: 2, scoreBins: 4 };
    expect(mergeableLength(layout)).toBe(3 + 4 + 45 + 16);
    expect(() => readMergeable(new Float64Array(5), layout)).toThrow('the layout needs 68');
    expect(() => mergeVectors([new Float64Array(2), new Float64Array(3)])).toThrow('same classes and bins');
    expect(() => mergeVectors([])).toThrow('no site metrics');
  });
});
