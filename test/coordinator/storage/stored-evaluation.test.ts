import { describe, expect, it } from 'vitest';
import { validationOf } from '../../../coordinator/evaluation/judge.ts';
import {
  storedEvaluation,
  storedEvaluationSchema,
  withoutCurves,
} from '../../../coordinator/storage/stored-evaluation.ts';
import { evaluateClassifier } from '../../../shared/learning/metrics/evaluate.ts';

/** Four images of two classes, one of them taken for the other. */
const evaluation = evaluateClassifier({
  probabilities: Float32Array.of(0.9, 0.1, 0.8, 0.2, 0.6, 0.4, 0.3, 0.7),
  labels: Int32Array.of(0, 0, 1, 1),
  classNames: ['left', 'right'],
  bootstrap: { replicates: 50, seed: 1 },
});

describe('the evaluation that is kept', () => {
  it('has what people look at, and survives JSON', () => {
    const stored = storedEvaluation(evaluation);
    const read = storedEvaluationSchema.parse(JSON.parse(JSON.stringify(stored)));
    expect(read).toEqual(stored);
    expect(read).toMatchObject({
      ...{ exampleCount: 4, patientCount: null, classNames: ['left', 'right'] },
      confusion: [
        [2, 0],
        [1, 1],
      ],
      metrics: { accuracy: { value: 0.75 }, auc: { value: 1 } },
    });
    const { interval } = read.metrics['accuracy'] ?? {};
    expect(interval?.low).toBeLessThanOrEqual(0.75);
    expect(interval?.high).toBeGreaterThanOrEqual(0.75);
    expect(read.calibration.reduce((sum, { count }) => sum + count, 0)).toBe(4);
    expect(read.calibration.filter(({ count }) => count === 0)).toContainEqual(
      expect.objectContaining({ confidence: null, accuracy: null }),
    );
    expect(read.classes[1]?.roc.at(-1)).toEqual([1, 1]);
    expect(withoutCurves(read).classes[1]).toMatchObject({ support: 2, roc: [], precisionRecall: [] });
  });

  it('leaves out what has no value on these images', () => {
    const single = evaluateClassifier({
      ...{
        probabilities: Float32Array.of(0.9, 0.1),
        labels: Int32Array.of(0),
        classNames: ['left', 'right'],
      },
    });
    expect(storedEvaluation(single).metrics['auc']).toBeUndefined();
    expect(validationOf(single).score).toBeUndefined();
  });
});
