/** Every metric of a set of examples at once, optionally weighted: the point estimate and each bootstrap replicate. */
import { CALIBRATION_BINS, expectedCalibrationError, type CalibrationBin } from './calibration.ts';
import {
  classScores,
  confusionScores,
  meanOfDefined,
  weightedMean,
  type ConfusionMatrix,
} from './confusion.ts';
import type { PreparedExamples } from './examples.ts';
import type { ClassMetricName, MetricName } from './evaluation.ts';
import { rankingScores, type RankingScores } from './ranking.ts';

export interface Scores {
  readonly overall: Readonly<Record<MetricName, number | undefined>>;
  /** By class. */
  readonly classes: readonly Readonly<Record<ClassMetricName, number | undefined>>[];
  readonly confusion: ConfusionMatrix;
  readonly calibration: readonly CalibrationBin[];
}

/** @param weights [n], each ≥ 0; 1 where absent. */
export function scoreExamples(examples: PreparedExamples, weights?: Float64Array): Scores {
  const { confusion, calibration, logLoss, brier } = accumulate(examples, weights);
  const ranked = examples.rankings.map((ranking) => rankingScores(ranking, weights));
  const support = classWeights(confusion);
  return {
    overall: {
      ...confusionScores(confusion),
      ...averagedRanking(ranked, support),
      logLoss,
      brier,
      calibrationError: expectedCalibrationError(calibration),
    },
    classes: classScores(confusion).map((scores, c) => ({
      ...scores,
      auc: ranked[c]?.auc,
      averagePrecision: ranked[c]?.averagePrecision,
    })),
    confusion,
    calibration,
  };
}

type RankingMetric = 'auc' | 'weightedAuc' | 'averagePrecision';

/** Two classes: class 1 is the positive one. More: means over the classes for which the value is defined. */
function averagedRanking(
  ranked: readonly RankingScores[],
  support: readonly number[],
): Record<RankingMetric, number | undefined> {
  const areas = ranked.map(({ auc }) => auc);
  const defined = areas.flatMap((auc, c) => (auc === undefined ? [] : [{ auc, weight: support[c] ?? 0 }]));
  const weightedAuc = weightedMean(
    defined.map(({ auc }) => auc),
    defined.map(({ weight }) => weight),
  );
  const positive = ranked[1];
  if (ranked.length === 2 && positive !== undefined) return { weightedAuc, ...positive };
  return {
    auc: meanOfDefined(areas),
    weightedAuc,
    averagePrecision: meanOfDefined(ranked.map(({ averagePrecision }) => averagePrecision)),
  };
}

function classWeights({ classCount, counts }: ConfusionMatrix): number[] {
  return Array.from({ length: classCount }, (_, c) =>
    counts.subarray(c * classCount, (c + 1) * classCount).reduce((total, count) => total + count, 0),
  );
}

/** The sums that need no order. Written as one plain loop, as it runs for every bootstrap replicate. */
function accumulate(
  { count, classCount, labels, predictions, confidence, bin, logLoss, brier }: PreparedExamples,
  weights: Float64Array | undefined,
): {
  confusion: ConfusionMatrix;
  calibration: CalibrationBin[];
  logLoss: number | undefined;
  brier: number | undefined;
} {
  const counts = new Float64Array(classCount * classCount);
  const binCount = new Float64Array(CALIBRATION_BINS);
  const binConfidence = new Float64Array(CALIBRATION_BINS);
  const binCorrect = new Float64Array(CALIBRATION_BINS);
  const add = (sums: Float64Array, at: number, value: number): void => {
    sums[at] = (sums[at] ?? 0) + value;
  };
  let total = 0;
  let logLossSum = 0;
  let brierSum = 0;
  for (let i = 0; i < count; i++) {
    const weight = weights === undefined ? 1 : (weights[i] ?? 0);
    if (weight === 0) continue;
    const label = labels[i] ?? 0;
    const predicted = predictions[i] ?? 0;
    const m = bin[i] ?? 0;
    total += weight;
    logLossSum += weight * (logLoss[i] ?? 0);
    brierSum += weight * (brier[i] ?? 0);
    add(counts, label * classCount + predicted, weight);
    add(binCount, m, weight);
    add(binConfidence, m, weight * (confidence[i] ?? 0));
    if (label === predicted) add(binCorrect, m, weight);
  }
  return {
    confusion: { classCount, counts },
    calibration: Array.from(binCount, (binTotal, m) => ({
      count: binTotal,
      confidenceSum: binConfidence[m] ?? 0,
      correctSum: binCorrect[m] ?? 0,
    })),
    logLoss: total > 0 ? logLossSum / total : undefined,
    brier: total > 0 ? brierSum / total : undefined,
  };
}
