/**
 * What is known about a classifier on a set of examples, as plain data: an `Evaluation` survives JSON unchanged. A metric
 * that is undefined on these examples has no `value` (see confusion.ts and ranking.ts for when that is).
 */
import type { ReliabilityBin } from './calibration.ts';
import type { OperatingPoint } from './ranking.ts';

/** Metrics of the whole set, in the order in which tables show them. */
export const METRIC_NAMES = [
  'accuracy',
  'balancedAccuracy',
  /** Two classes: of class 1. More: the unweighted mean of one-versus-rest over the classes present. */
  'auc',
  /** One-versus-rest, weighted by the number of examples of each class. */
  'weightedAuc',
  /** Area under the precision-recall curve; averaged as `auc`. */
  'averagePrecision',
  'macroPrecision',
  'macroRecall',
  'macroSpecificity',
  'macroF1',
  'weightedPrecision',
  'weightedRecall',
  'weightedF1',
  'kappa',
  'mcc',
  'logLoss',
  'brier',
  'calibrationError',
] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

/** Metrics of one class against the rest. */
export const CLASS_METRIC_NAMES = [
  'recall',
  'specificity',
  'precision',
  'f1',
  'auc',
  'averagePrecision',
] as const;
export type ClassMetricName = (typeof CLASS_METRIC_NAMES)[number];

/** Metrics of which less is better. */
export const LOSSES: ReadonlySet<MetricName> = new Set<MetricName>(['logLoss', 'brier', 'calibrationError']);

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface Estimate {
  readonly value?: number;
  /** 95 %. */
  readonly interval?: Interval;
}

/** One of a curve's points, as [x, y], rounded to 10⁻⁵. */
export type CurvePoint = readonly [x: number, y: number];

export interface ClassEvaluation {
  readonly name: string;
  /** Examples of the class. */
  readonly support: number;
  readonly metrics: Readonly<Record<ClassMetricName, Estimate>>;
  /** [false positive rate, true positive rate] from (0, 0) to (1, 1), thinned for drawing; empty where undefined. */
  readonly roc: readonly CurvePoint[];
  /** [recall, precision], recall rising, thinned for drawing; empty where undefined. */
  readonly precisionRecall: readonly CurvePoint[];
}

/** How the intervals were made. */
export interface BootstrapRecord {
  readonly replicates: number;
  readonly seed: number;
  /** What was drawn with replacement: patients (all images of one together), or images where no patients are known. */
  readonly unit: 'patient' | 'image';
}

export interface BinaryEvaluation {
  /** Interval of the area under the curve by DeLong, beside the bootstrap's; only where images are independent (one a patient). */
  readonly deLong?: Interval & { readonly standardError: number };
  /** The wanted sensitivity of class 1 and what the threshold that reaches it on these same examples gives. */
  readonly operatingPoint?: OperatingPoint & { readonly wantedSensitivity: number };
}

export interface Evaluation {
  readonly exampleCount: number;
  readonly patientCount?: number;
  readonly metrics: Readonly<Record<MetricName, Estimate>>;
  readonly classes: readonly ClassEvaluation[];
  /** Row = true class, column = predicted class; numbers of examples. */
  readonly confusion: readonly (readonly number[])[];
  /** Confidence of the predicted class, 15 bins. */
  readonly reliability: readonly ReliabilityBin[];
  /** Present for two classes. */
  readonly binary?: BinaryEvaluation;
  readonly bootstrap?: BootstrapRecord;
}
