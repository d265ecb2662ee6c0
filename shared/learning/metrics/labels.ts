/** What people call the metrics. */
import type { ClassMetricName, MetricName } from './evaluation.ts';

export const METRIC_LABELS: Readonly<Record<MetricName, string>> = {
  accuracy: 'Accuracy',
  balancedAccuracy: 'Balanced accuracy',
  auc: 'ROC AUC',
  weightedAuc: 'ROC AUC, weighted',
  averagePrecision: 'Average precision',
  macroPrecision: 'Precision, macro',
  macroRecall: 'Recall, macro',
  macroSpecificity: 'Specificity, macro',
  macroF1: 'F1, macro',
  weightedPrecision: 'Precision, weighted',
  weightedRecall: 'Recall, weighted',
  weightedF1: 'F1, weighted',
  kappa: 'Cohen’s kappa',
  mcc: 'Matthews correlation',
  logLoss: 'Log loss',
  brier: 'Brier score',
  calibrationError: 'Calibration error (ECE)',
};

export const CLASS_METRIC_LABELS: Readonly<Record<ClassMetricName, string>> = {
  recall: 'Sensitivity',
  specificity: 'Specificity',
  precision: 'Precision',
  f1: 'F1',
  auc: 'ROC AUC',
  averagePrecision: 'Average precision',
};

/** The metrics that stand at the top of a report. */
export const KEY_METRICS = [
  'accuracy',
  'auc',
  'balancedAccuracy',
  'calibrationError',
] as const satisfies readonly MetricName[];

const labels = new Map<string, string>(Object.entries(METRIC_LABELS));

/** The label of a metric's name, and any other name as it is. */
export function labelOf(name: string): string {
  return labels.get(name) ?? name;
}
