/** A model on parts of the held-out test images: on each site's share, on each group of patients. */
import { subgroupsOf } from '../shared/data/subgroups.ts';
import type { ImageAttributes } from '../shared/data/image-collection.ts';
import { evaluateClassifier } from '../shared/learning/metrics/evaluate.ts';
import type { Evaluation } from '../shared/learning/metrics/evaluation.ts';
import type { SubgroupTest } from './report/result-types.ts';

/** Of the whole test set. */
export interface TestedImages {
  /** [images, classes] */
  readonly probabilities: Float64Array;
  /** [images] */
  readonly labels: Int32Array;
  readonly classNames: readonly string[];
  /** [images] */
  readonly patients: readonly string[];
  /** No intervals where absent. */
  readonly bootstrap?: { readonly replicates: number; readonly seed: number };
}

/** Of the images at `rows` alone. Intervals resample patients, as images of one patient are not independent. */
export function metricsOf(
  { probabilities, labels, classNames, patients, bootstrap }: TestedImages,
  rows: Int32Array,
): Evaluation['metrics'] {
  const classes = classNames.length;
  const { metrics } = evaluateClassifier({
    probabilities: Float64Array.from(
      { length: rows.length * classes },
      (_, i) => probabilities[(rows[Math.floor(i / classes)] ?? 0) * classes + (i % classes)] ?? 0,
    ),
    labels: rows.map((row) => labels[row] ?? 0),
    classNames,
    patients: Array.from(rows, (row) => patients[row] ?? ''),
    ...(bootstrap && { bootstrap }),
  });
  return metrics;
}

/** A group of fewer test images says nothing reliable, and may be a handful of people. */
const LEAST_IMAGES = 20;

/** @param attributes [images]; undefined where the data say nothing of the kind */
export function subgroupTests(
  images: TestedImages,
  attributes: readonly ImageAttributes[] | undefined,
): SubgroupTest[] {
  return subgroupsOf(attributes ?? [], LEAST_IMAGES).map(({ attribute, group, rows }) => ({
    ...{ attribute, group, metrics: metricsOf(images, rows) },
    classCounts: images.classNames.map(
      (_, label) => rows.filter((row) => images.labels[row] === label).length,
    ),
  }));
}
