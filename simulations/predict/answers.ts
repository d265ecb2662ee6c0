/** Answers about images: made one after the other, and written as a table, CSV or JSON. */
import { alignedRows } from '../report/text-table.ts';
import { ConsiliumError } from '../../shared/errors.ts';
import { encodePng } from '../../shared/data/png.ts';
import type { RawImage } from '../../shared/data/resize.ts';
import type { ExplanationMethod } from '../../shared/learning/explanations/explainer.ts';
import { overlay, pictureOf } from '../../shared/learning/explanations/overlay.ts';
import type { Classifier, ClassifyOptions } from '../../shared/learning/inference/classifier.ts';
import type { Prediction } from '../../shared/learning/inference/prediction.ts';
import { weightsDigest } from '../../shared/learning/weights.ts';
import { csvText } from '../../shared/csv.ts';
import type { InputImage } from './inputs.ts';

export interface AnswerOptions extends ClassifyOptions {
  /** Absent: no heat map. */
  readonly heatmap?: ExplanationMethod;
}

export type Answer =
  | {
      readonly kind: 'answered';
      readonly image: string;
      readonly prediction: Prediction;
      /** PNG: the evidence for the most probable class over the image as the model sees it. */
      readonly heatmap?: Uint8Array;
    }
  /** This image cannot be used; the others are answered. */
  | { readonly kind: 'refused'; readonly image: string; readonly reason: string };

/** @throws whatever is no fault of the image */
export async function answer(
  classifier: Classifier,
  input: InputImage,
  options: AnswerOptions,
): Promise<Answer> {
  let image: RawImage;
  try {
    image = await input.load();
  } catch (error) {
    if (error instanceof ConsiliumError) return { kind: 'refused', image: input.name, reason: error.message };
    throw error;
  }
  const planes = classifier.prepare(image);
  const prediction = await classifier.classify(planes, options);
  const heatmap =
    options.heatmap && (await heatmapOf(classifier, planes, prediction.classIndex, options.heatmap));
  return { kind: 'answered', image: input.name, prediction, ...(heatmap && { heatmap }) };
}

async function heatmapOf(
  classifier: Classifier,
  planes: Float32Array,
  classIndex: number,
  method: ExplanationMethod,
): Promise<Uint8Array> {
  const map = await classifier.explainer().explain({ image: planes, classIndex, method });
  return encodePng(overlay(pictureOf(planes, classifier.file.model.imageDims), map));
}

/** What is known of the model, in every JSON answer. */
export interface ModelSummary {
  readonly classNames: readonly string[];
  readonly activation: 'softmax' | 'sigmoid';
  /** [channels, height, width] */
  readonly imageDims: readonly [number, number, number];
  readonly parameterCount: number;
  readonly weightsDigest: string;
  /** 1 where the model is not calibrated. */
  readonly temperature: number;
  readonly calibrated: boolean;
  /** The dataset it was trained on, where the file says it. */
  readonly dataset?: string;
  readonly synthetic?: boolean;
}

export function modelSummary({ file, notes }: Classifier): ModelSummary {
  const { classNames, activation } = file.description;
  const dataset = file.metadata.get('consilium.dataset');
  const synthetic = file.metadata.get('consilium.synthetic');
  return {
    ...{ classNames, activation, imageDims: file.model.imageDims, parameterCount: file.weights.length },
    weightsDigest: weightsDigest(file.weights),
    temperature: notes.calibration?.temperature ?? 1,
    calibrated: notes.calibration !== undefined,
    ...(dataset !== undefined && { dataset }),
    ...(synthetic !== undefined && { synthetic: synthetic === 'true' }),
  };
}

/** Shown with every answer: what a probability of such a model is not. */
export const DISCLAIMER = 'For research. Not a medical device: no decision about a patient may rest on it.';

/** One answer as JSON; `heatmapFile` where the map was written to. */
export function answerRecord(
  item: Answer,
  classNames: readonly string[],
  heatmapFile?: string,
): Readonly<Record<string, unknown>> {
  if (item.kind === 'refused') return { image: item.image, error: item.reason };
  const { label, confidence, abstained, probabilities, spread } = item.prediction;
  const named = (values: readonly number[]): Record<string, number> =>
    Object.fromEntries(classNames.map((name, c) => [name, values[c] ?? 0]));
  return {
    image: item.image,
    label: abstained ? null : label,
    mostProbable: label,
    confidence,
    abstained,
    probabilities: named(probabilities),
    ...(spread && { spread: named(spread) }),
    ...(heatmapFile !== undefined && { heatmap: heatmapFile }),
  };
}

export function answersCsv(
  answers: readonly Answer[],
  classNames: readonly string[],
  withSpread: boolean,
): string {
  const header = [
    ...['image', 'label', 'confidence', 'abstained'],
    ...classNames.map((name) => `p(${name})`),
    ...(withSpread ? classNames.map((name) => `spread(${name})`) : []),
    'error',
  ];
  const rows = answers.map((item) => {
    const empty = classNames.map(() => '');
    if (item.kind === 'refused')
      return [item.image, '', '', '', ...empty, ...(withSpread ? empty : []), item.reason];
    const { label, confidence, abstained, probabilities, spread } = item.prediction;
    return [
      ...[item.image, abstained ? '' : label, confidence, String(abstained)],
      ...probabilities,
      ...(withSpread ? (spread ?? empty) : []),
      '',
    ];
  });
  return csvText(header, rows);
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** For a terminal: every class's probability where there are few of them, else the three most probable. */
export function answersTable(answers: readonly Answer[], classNames: readonly string[]): string {
  const rows = answers.map((item): string[] => {
    if (item.kind === 'refused') return [item.image, 'not used', item.reason];
    const { label, abstained, probabilities, spread } = item.prediction;
    const order = classNames
      .map((name, c) => ({ name, p: probabilities[c] ?? 0, deviation: spread?.[c] }))
      .sort((a, b) => b.p - a.p)
      .slice(0, 3);
    const text = order.map(
      ({ name, p, deviation }) =>
        `${name} ${percent(p)}${deviation === undefined ? '' : ` ± ${percent(deviation)}`}`,
    );
    return [item.image, abstained ? 'abstains' : label, text.join(', ')];
  });
  return alignedRows(rows).join('\n');
}
