/** What a set of labelled images says about weights: the one judgement by which global models are chosen. */
import type { ValidationResult } from '../run/progress.ts';
import { evaluateClassifier } from '../../shared/learning/metrics/evaluate.ts';
import { METRIC_NAMES, type Evaluation } from '../../shared/learning/metrics/evaluation.ts';
import { softmax } from '../../shared/learning/metrics/probabilities.ts';

/** `logits` [n, classes]. The score is the area under the ROC curve, which no choice of threshold moves. */
export function judge(
  logits: Float32Array,
  labels: Int32Array,
  classNames: readonly string[],
): ValidationResult {
  const probabilities = softmax(logits, classNames.length);
  return validationOf(evaluateClassifier({ probabilities, labels, classNames }));
}

/** What of all that is known about a model the run goes by. */
export function validationOf({ metrics }: Pick<Evaluation, 'metrics'>): ValidationResult {
  const known = METRIC_NAMES.flatMap((name): [string, number][] => {
    const { value } = metrics[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    loss: metrics.logLoss.value ?? Infinity,
    score: metrics.auc.value,
    metrics: Object.fromEntries(known),
  };
}
