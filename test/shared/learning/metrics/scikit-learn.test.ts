/** Every metric against scikit-learn's value for the same examples. */
import { describe, expect, it } from 'vitest';
import { CLASS_METRIC_NAMES, METRIC_NAMES } from '../../../../shared/learning/metrics/evaluation.ts';
import { confusionRows } from '../../../../shared/learning/metrics/confusion.ts';
import { prepareExamples } from '../../../../shared/learning/metrics/examples.ts';
import { precisionRecallCurve, rank, rocCurve } from '../../../../shared/learning/metrics/ranking.ts';
import { scoreExamples } from '../../../../shared/learning/metrics/scores.ts';
import { classifierCases } from './vectors.ts';

describe.each(classifierCases)('$name', (vector) => {
  const { classCount } = vector;
  const scores = scoreExamples(
    prepareExamples({
      probabilities: Float64Array.from(vector.probabilities.flat()),
      labels: Int32Array.from(vector.labels),
      classCount,
    }),
    vector.weights === undefined ? undefined : Float64Array.from(vector.weights),
  );

  it.each(METRIC_NAMES.filter((name) => name in vector.overall))('%s', (name) => {
    // null: scikit-learn calls it undefined as well.
    const expected = vector.overall[name] ?? undefined;
    if (expected === undefined) expect(scores.overall[name]).toBeUndefined();
    else expect(scores.overall[name]).toBeCloseTo(expected, 12);
  });

  it.each(vector.classes.map((expected, c) => ({ expected, c })))('class $c', ({ expected, c }) => {
    for (const name of CLASS_METRIC_NAMES) {
      const value = expected[name] ?? undefined;
      if (value === undefined) expect(scores.classes[c]?.[name], name).toBeUndefined();
      else expect(scores.classes[c]?.[name], name).toBeCloseTo(value, 12);
    }
  });

  it('confusion matrix', () => {
    confusionRows(scores.confusion).forEach((row, label) => {
      row.forEach((count, predicted) => {
        expect(count).toBeCloseTo(vector.confusion[label]?.[predicted] ?? NaN, 9);
      });
    });
  });
});

const curves = classifierCases.filter(({ roc }) => roc !== undefined);

describe.each(curves)('curves of $name', ({ labels, probabilities, roc, precisionRecall }) => {
  const ranking = rank(
    probabilities.map((row) => row[1] ?? NaN),
    (i) => labels[i] === 1,
  );

  it('ROC', () => {
    const points = rocCurve(ranking);
    expect(points.map((p) => p.falsePositiveRate)).toEqual(closeTo(roc?.fpr));
    expect(points.map((p) => p.truePositiveRate)).toEqual(closeTo(roc?.tpr));
    expect(points.slice(1).map((p) => p.threshold)).toEqual(closeTo(roc?.thresholds));
  });

  it('precision and recall', () => {
    const points = precisionRecallCurve(ranking);
    // scikit-learn stops at full recall or goes on to the lowest score, depending on its version; we go on.
    expect(points.map((p) => p.recall)).toEqual(closeTo(precisionRecall?.recall));
    expect(points.map((p) => p.precision)).toEqual(closeTo(precisionRecall?.precision));
    expect(points.map((p) => p.threshold)).toEqual(closeTo(precisionRecall?.thresholds));
  });
});

function closeTo(values: readonly number[] | undefined): unknown[] {
  if (values === undefined) throw new Error('the vector has no curve');
  return values.map((value): unknown => expect.closeTo(value, 12));
}
