/**
 * Test images with heat maps for the report: of every class the one that the model is surest of, then its surest mistakes.
 * A report travels, so images are shown without being asked for only where they are public or generated.
 */
import { encodePng } from '../../shared/data/png.ts';
import { createExplainer } from '../../shared/learning/explanations/explainer.ts';
import { lastFeatureLayer } from '../../shared/learning/explanations/explanation-graph.ts';
import { overlay, pictureOf, sideBySide } from '../../shared/learning/explanations/overlay.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { predictedClasses } from '../../shared/learning/metrics/probabilities.ts';
import { imageLengthOf, type LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import type { ImageGrid } from '../report/model.ts';
import type { DatasetSummary } from '../report/result-types.ts';

export interface SampleInput {
  readonly model: Model;
  readonly weights: Float32Array;
  readonly test: LabelledImages;
  /** [test.count, classes] */
  readonly probabilities: Float64Array;
  readonly classNames: readonly string[];
}

export interface Choice {
  readonly index: number;
  readonly predicted: number;
  readonly confidence: number;
}

const MOST_CLASSES = 6;
const MISTAKES = 3;

/** Whether a report may hold test images without anyone having asked for it. */
export const arePublic = ({ name, synthetic }: Pick<DatasetSummary, 'name' | 'synthetic'>): boolean =>
  synthetic || name.startsWith('medmnist:');

/** Right ones by class, then mistakes, each the surest first; of equals the first. */
export function chooseSamples({
  test,
  probabilities,
  classNames,
}: Omit<SampleInput, 'model' | 'weights'>): Choice[] {
  const classCount = classNames.length;
  const predicted = predictedClasses(probabilities, classCount);
  const all = Array.from(predicted, (label, index) => ({
    ...{ index, predicted: label, confidence: probabilities[index * classCount + label] ?? 0 },
  })).sort((a, b) => b.confidence - a.confidence || a.index - b.index);
  const isRight = ({ index, predicted: label }: Choice): boolean => test.labels[index] === label;
  const right = classNames
    .slice(0, MOST_CLASSES)
    .flatMap((_, label) => all.filter((choice) => isRight(choice) && choice.predicted === label).slice(0, 1));
  return [...right, ...all.filter((choice) => !isRight(choice)).slice(0, MISTAKES)];
}

/** Undefined where the model has no feature map to draw, or there is no test image. */
export async function explainSamples(input: SampleInput): Promise<ImageGrid | undefined> {
  const { model, weights, test, classNames } = input;
  const choices = chooseSamples(input);
  if (choices.length === 0 || lastFeatureLayer(model) === undefined) return undefined;
  const length = imageLengthOf(test);
  const explainer = createExplainer(model, weights);
  try {
    const images: ImageGrid['images'][number][] = [];
    for (const { index, predicted, confidence } of choices) {
      // A copy: native engines take no views of shared memory.
      const image = test.images.slice(index * length, (index + 1) * length);
      const map = await explainer.explain({ image, classIndex: predicted, method: 'gradcam' });
      const picture = pictureOf(image, model.imageDims);
      const truth = classNames[test.labels[index] ?? -1] ?? '';
      const said = `${classNames[predicted] ?? ''}, ${(100 * confidence).toFixed(0)} %`;
      images.push({
        png: await encodePng(sideBySide(picture, overlay(picture, map))),
        label: test.labels[index] === predicted ? said : `${said}; it is ${truth}`,
      });
    }
    return {
      kind: 'images',
      caption: 'Left the image, right where the model saw its answer (Grad-CAM)',
      images,
    };
  } finally {
    await explainer.dispose();
  }
}
