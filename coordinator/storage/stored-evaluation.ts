/** What a published model can do on the coordinator's images, as it is kept and as people are shown it. */
import { z } from 'zod';
import type {
  ClassEvaluation,
  CurvePoint,
  Estimate,
  Evaluation,
} from '../../shared/learning/metrics/evaluation.ts';

/** 95 %. */
export const intervalSchema = z.strictObject({ low: z.number(), high: z.number() });

export const estimateSchema = z.strictObject({
  value: z.number(),
  /** Null where none was made. */
  interval: intervalSchema.nullable(),
});

/**
 * By the names of `METRIC_NAMES` in shared/learning/metrics/evaluation.ts: accuracy, balancedAccuracy, auc, macroF1,
 * logLoss, brier, calibrationError, … A metric without a value on these images is absent.
 */
export const metricsSchema = z.record(z.string(), estimateSchema);
export type Metrics = z.infer<typeof metricsSchema>;

/** [x, y] */
const pointSchema = z.tuple([z.number(), z.number()]);

export const storedEvaluationSchema = z.strictObject({
  exampleCount: z.int().min(0),
  patientCount: z.int().min(0).nullable(),
  metrics: metricsSchema,
  classNames: z.array(z.string()),
  /** Row = true class, column = predicted class; numbers of images. */
  confusion: z.array(z.array(z.number())),
  classes: z.array(
    z.strictObject({
      name: z.string(),
      /** Images of the class. */
      support: z.int().min(0),
      metrics: metricsSchema,
      /** [false positive rate, true positive rate]; empty where undefined or not kept. */
      roc: z.array(pointSchema),
      /** [recall, precision] */
      precisionRecall: z.array(pointSchema),
    }),
  ),
  /** Confidence of the predicted class. */
  calibration: z.array(
    z.strictObject({
      low: z.number(),
      high: z.number(),
      count: z.number(),
      /** Means of the bin; null in an empty one. */
      confidence: z.number().nullable(),
      accuracy: z.number().nullable(),
    }),
  ),
});
export type StoredEvaluation = z.infer<typeof storedEvaluationSchema>;

function metricsOf(estimates: Readonly<Record<string, Estimate>>): Metrics {
  const known = Object.entries(estimates).flatMap(
    ([name, { value, interval }]): [string, Metrics[string]][] =>
      value !== undefined && Number.isFinite(value) ? [[name, { value, interval: finite(interval) }]] : [],
  );
  return Object.fromEntries(known);
}

const finite = (interval: Estimate['interval']): Metrics[string]['interval'] =>
  interval && Number.isFinite(interval.low) && Number.isFinite(interval.high)
    ? { low: interval.low, high: interval.high }
    : null;

const pointsOf = (points: readonly CurvePoint[]): [number, number][] => points.map(([x, y]) => [x, y]);

function classOf({ name, support, metrics, roc, precisionRecall }: ClassEvaluation) {
  return {
    ...{ name, support, metrics: metricsOf(metrics) },
    ...{ roc: pointsOf(roc), precisionRecall: pointsOf(precisionRecall) },
  };
}

export function storedEvaluation(evaluation: Evaluation): StoredEvaluation {
  const { exampleCount, patientCount, metrics, classes, confusion, reliability } = evaluation;
  return {
    ...{ exampleCount, patientCount: patientCount ?? null, metrics: metricsOf(metrics) },
    classNames: classes.map(({ name }) => name),
    confusion: confusion.map((row) => [...row]),
    classes: classes.map(classOf),
    calibration: reliability.map(({ low, high, count, confidence, accuracy }) => ({
      ...{ low, high, count, confidence: confidence ?? null, accuracy: accuracy ?? null },
    })),
  };
}

/** Curves are the largest part by far. */
export function withoutCurves(evaluation: StoredEvaluation): StoredEvaluation {
  const classes = evaluation.classes.map((one) => ({ ...one, roc: [], precisionRecall: [] }));
  return { ...evaluation, classes };
}
