/** What an exported page knows of its model: written by the export, read by the page. */
import type { PreprocessingOptions } from '../../shared/data/preprocessing-schema.ts';

export interface PageModel {
  readonly title: string;
  readonly classNames: readonly string[];
  readonly activation: 'softmax' | 'sigmoid';
  readonly temperature: number;
  readonly calibrated: boolean;
  readonly abstainBelow: number;
  readonly imageDims: readonly [number, number, number];
  readonly preprocessing: PreprocessingOptions;
  readonly weightsDigest: string;
  /** The model file, base64. */
  readonly onnx: string;
}
