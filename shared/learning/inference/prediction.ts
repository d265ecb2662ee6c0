/**
 * From logits to an answer. Pure and free of libraries: the exported web page runs these very lines.
 */
import { sigmoid, softmax } from '../metrics/probabilities.ts';

export interface DecisionRule {
  readonly classNames: readonly string[];
  /** Exclusive classes, or independent ones. */
  readonly activation: 'softmax' | 'sigmoid';
  /** Logits are divided by it; 1 for a model that is not calibrated. */
  readonly temperature: number;
  /** The model abstains when its most probable class is less probable than this, 0…1. */
  readonly abstainBelow: number;
}

export interface Prediction {
  /** The most probable class; the first among equals. */
  readonly label: string;
  readonly classIndex: number;
  /** Its probability, 0…1. */
  readonly confidence: number;
  /** The confidence is below the chosen one: the label is no answer. */
  readonly abstained: boolean;
  /** [classes] */
  readonly probabilities: readonly number[];
  /** [classes]: standard deviation over changed copies of the image; absent without test-time augmentation. */
  readonly spread?: readonly number[];
}

/** @param logits [classes] or more rows of them @returns probabilities in the same layout */
export function probabilitiesOf(logits: Float32Array, rule: DecisionRule): Float64Array {
  const scaled = Float64Array.from(logits, (logit) => logit / rule.temperature);
  return rule.activation === 'softmax' ? softmax(scaled, rule.classNames.length) : scaled.map(sigmoid);
}

/**
 * @param logits [copies, classes]: the image itself first, then changed copies of it. Probabilities are the mean over all.
 */
export function decide(logits: Float32Array, rule: DecisionRule): Prediction {
  const classCount = rule.classNames.length;
  const all = probabilitiesOf(logits, rule);
  const copies = all.length / classCount;
  const columns = rule.classNames.map((_, c) =>
    Array.from({ length: copies }, (_row, i) => all[i * classCount + c] ?? 0),
  );
  const probabilities = columns.map(mean);
  const classIndex = probabilities.indexOf(Math.max(...probabilities));
  const confidence = probabilities[classIndex] ?? 0;
  return {
    label: rule.classNames[classIndex] ?? '',
    classIndex,
    confidence,
    abstained: confidence < rule.abstainBelow,
    probabilities,
    ...(copies > 1 && { spread: columns.map(standardDeviation) }),
  };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Of a sample: n − 1. */
function standardDeviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
