/** All metrics of a classifier on a set of examples, with curves and intervals, as one plain object. */
import { reliabilityCurve } from './calibration.ts';
import { bootstrapIntervals, type BootstrapIntervals } from './bootstrap.ts';
import { confusionRows } from './confusion.ts';
import { deLong } from './delong.ts';
import {
  CLASS_METRIC_NAMES,
  METRIC_NAMES,
  type BinaryEvaluation,
  type ClassEvaluation,
  type CurvePoint,
  type Estimate,
  type Evaluation,
  type Interval,
} from './evaluation.ts';
import { prepareExamples, type PreparedExamples } from './examples.ts';
import type { Matrix } from './probabilities.ts';
import { operatingPoint, precisionRecallCurve, rocCurve, type Ranking } from './ranking.ts';
import { scoreExamples, type Scores } from './scores.ts';
import { thinCurve } from './thin-curve.ts';

export interface EvaluationInput {
  /** [n, classes]; each row a distribution. */
  readonly probabilities: Matrix;
  /** [n], in 0…classes−1. */
  readonly labels: Int32Array;
  /** At least two. */
  readonly classNames: readonly string[];
  /** [n]; images of one patient share one value. Intervals then respect that they are not independent. */
  readonly patients?: readonly string[];
  /** No intervals where absent. */
  readonly bootstrap?: { readonly replicates: number; readonly seed: number };
  /** Two classes: the sensitivity for which an operating point is given; 0.9 where absent. */
  readonly wantedSensitivity?: number;
}

const DEFAULT_SENSITIVITY = 0.9;

/** Points of a stored curve: enough for a drawing of 500 pixels. */
const CURVE_POINTS = 200;

/**
 * An empty set, a split with a single class and absent classes are all fine: what they leave undefined has no value.
 * @throws MetricError where shapes disagree, a label is out of range, or a row of probabilities is not a distribution.
 */
export function evaluateClassifier(input: EvaluationInput): Evaluation {
  const { probabilities, labels, classNames, patients, bootstrap } = input;
  const examples = prepareExamples({ probabilities, labels, classCount: classNames.length });
  const scores = scoreExamples(examples);
  const intervals =
    bootstrap === undefined ? undefined : bootstrapIntervals(examples, { ...bootstrap, patients });
  const patientCount = patients === undefined ? undefined : new Set(patients).size;
  return {
    exampleCount: examples.count,
    ...(patientCount === undefined ? {} : { patientCount }),
    metrics: estimates(METRIC_NAMES, scores.overall, intervals?.overall),
    classes: classNames.map((name, c) => classEvaluation({ name, c, examples, scores, intervals })),
    confusion: confusionRows(scores.confusion),
    reliability: reliabilityCurve(scores.calibration),
    ...(classNames.length === 2 ? { binary: binaryEvaluation(examples, input) } : {}),
    ...(bootstrap === undefined
      ? {}
      : { bootstrap: { ...bootstrap, unit: patients === undefined ? 'image' : 'patient' } }),
  };
}

function classEvaluation(of: {
  name: string;
  c: number;
  examples: PreparedExamples;
  scores: Scores;
  intervals: BootstrapIntervals | undefined;
}): ClassEvaluation {
  const { name, c, examples, scores, intervals } = of;
  const ranking = examples.rankings[c];
  return {
    name,
    support: examples.labels.reduce((total, label) => total + (label === c ? 1 : 0), 0),
    metrics: estimates(CLASS_METRIC_NAMES, scores.classes[c] ?? {}, intervals?.classes[c]),
    roc: ranking === undefined ? [] : rocPoints(ranking),
    precisionRecall: ranking === undefined ? [] : precisionRecallPoints(ranking),
  };
}

function rocPoints(ranking: Ranking): CurvePoint[] {
  return forDrawing(
    rocCurve(ranking).map(({ falsePositiveRate, truePositiveRate }) => [falsePositiveRate, truePositiveRate]),
  );
}

function precisionRecallPoints(ranking: Ranking): CurvePoint[] {
  return forDrawing(precisionRecallCurve(ranking).map(({ recall, precision }) => [recall, precision]));
}

function forDrawing(points: readonly CurvePoint[]): CurvePoint[] {
  return thinCurve(points, CURVE_POINTS).map(([x, y]) => [rounded(x), rounded(y)]);
}

/** To 10⁻⁵: far below a pixel, and half the size of a stored evaluation. */
const rounded = (value: number): number => Math.round(value * 1e5) / 1e5;

function binaryEvaluation(examples: PreparedExamples, input: EvaluationInput): BinaryEvaluation {
  const ranking = examples.rankings[1];
  if (ranking === undefined) return {};
  const wantedSensitivity = input.wantedSensitivity ?? DEFAULT_SENSITIVITY;
  const point = operatingPoint(ranking, wantedSensitivity);
  const independent = input.patients === undefined || new Set(input.patients).size === examples.count;
  const area = independent ? deLong(ranking.score, ranking.positive) : undefined;
  return {
    ...(area === undefined ? {} : { deLong: { ...area.interval, standardError: area.standardError } }),
    ...(point === undefined ? {} : { operatingPoint: { ...point, wantedSensitivity } }),
  };
}

function estimates<Name extends string>(
  names: readonly Name[],
  values: Readonly<Partial<Record<Name, number | undefined>>>,
  intervals: ReadonlyMap<Name, Interval> | undefined,
): Record<Name, Estimate> {
  const entries = names.map((name): [Name, Estimate] => {
    const value = values[name];
    const interval = intervals?.get(name);
    return [name, value === undefined ? {} : interval === undefined ? { value } : { value, interval }];
  });
  // Object.fromEntries forgets the names' union; `names` lists all of it.
  return Object.fromEntries(entries) as Record<Name, Estimate>;
}
