/** What is found out about a finished federated model beside its figures: its temperature, and where it looks. */
import { fitTemperature, type TemperatureFit } from '../../shared/learning/metrics/temperature.ts';
import { softmax } from '../../shared/learning/metrics/probabilities.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import type { ImageGrid } from '../report/model.ts';
import type { DatasetSummary } from '../report/result-types.ts';
import { arePublic, explainSamples } from './samples.ts';

export interface ModelInsight {
  /** On the coordinator's validation images; undefined where they are too few. */
  readonly calibration: TemperatureFit | undefined;
  /** Undefined where the images are not public. */
  readonly samples: ImageGrid | undefined;
}

export interface InsightInput {
  readonly model: Model;
  readonly weights: Float32Array;
  readonly data: {
    readonly summary: DatasetSummary;
    readonly classNames: readonly string[];
    readonly validation: LabelledImages;
    readonly test: LabelledImages;
  };
  /** Logits [count, classes] by the model with these weights. */
  readonly predict: (images: LabelledImages) => Promise<Float32Array>;
}

export async function modelInsight({ model, weights, data, predict }: InsightInput): Promise<ModelInsight> {
  const { validation, test, classNames, summary } = data;
  const calibration = fitTemperature(await predict(validation), validation.labels, classNames.length);
  if (!arePublic(summary)) return { calibration, samples: undefined };
  const probabilities = softmax(await predict(test), classNames.length);
  return { calibration, samples: await explainSamples({ model, weights, test, probabilities, classNames }) };
}
