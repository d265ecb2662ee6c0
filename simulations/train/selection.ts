/** The figure of merit by which an epoch's weights are kept: always on validation images, never on test images. */
import type { Evaluation } from '../../shared/learning/metrics/evaluation.ts';
import { METRIC_NAMES } from '../../shared/learning/metrics/evaluation.ts';
import type { Validation } from '../../shared/learning/training/fit.ts';

export const SELECTIONS = [
  'auc',
  'accuracy',
  'balancedAccuracy',
  'accuracyAndAuc',
  'balancedAccuracyAndAuc',
] as const;
/** The last two are means of two metrics: less noisy than either where the validation part is small. */
export type Selection = (typeof SELECTIONS)[number];

export interface ValidationRecord extends Validation {
  /** Every metric that is defined on the validation images. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The score of an evaluation, in 0…1; undefined where one of its metrics is. */
export function selectionScore(evaluation: Evaluation, selection: Selection): number | undefined {
  const { accuracy, balancedAccuracy, auc } = evaluation.metrics;
  switch (selection) {
    case 'auc':
      return auc.value;
    case 'accuracy':
      return accuracy.value;
    case 'balancedAccuracy':
      return balancedAccuracy.value;
    case 'accuracyAndAuc':
      return mean(accuracy.value, auc.value);
    case 'balancedAccuracyAndAuc':
      return mean(balancedAccuracy.value, auc.value);
  }
}

function mean(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : (a + b) / 2;
}

export function validationRecord(evaluation: Evaluation, selection: Selection): ValidationRecord {
  const known = METRIC_NAMES.flatMap((name): [string, number][] => {
    const { value } = evaluation.metrics[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    loss: evaluation.metrics.logLoss.value ?? Infinity,
    score: selectionScore(evaluation, selection),
    metrics: Object.fromEntries(known),
  };
}
