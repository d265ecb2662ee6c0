/** From a dataset's name to the three parts that training, selection and the final test take. */
import { DataError } from '../../shared/errors.ts';
import type { Dataset, Split } from '../../shared/data/dataset.ts';
import { preprocess, selectExamples, type Preprocessed } from '../../shared/data/preprocess.ts';
import type { ImageAttributes } from '../../shared/data/image-collection.ts';
import type { PreprocessingOptions } from '../../shared/data/preprocessing-schema.ts';
import { at, classCounts } from '../../shared/data/select.ts';
import { splitDataset } from '../../shared/data/split.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { openDataset, type OpenDatasetOptions } from '../datasets/open-dataset.ts';
import type { DatasetSummary } from '../report/result-types.ts';
import type { DataSource, SplitRequest } from './train-request.ts';

export interface OpenedData {
  readonly dataset: Dataset;
  readonly split: Split;
  /** [dataset.count], where the data say more of an image than its class. */
  readonly attributes?: readonly ImageAttributes[];
  /** What the user should know about the images. */
  readonly notes: readonly string[];
}

export interface PreparedData {
  readonly train: LabelledImages;
  readonly validation: LabelledImages;
  readonly test: LabelledImages;
  /** [test.count] */
  readonly testPatients: readonly string[];
  /** [test.count], where the data say more of an image than its class. */
  readonly testAttributes?: readonly ImageAttributes[];
  /** [test.count]: which images of the dataset they are. */
  readonly testIndices: Int32Array;
  /** With every measured statistic filled in. */
  readonly preprocessing: PreprocessingOptions;
  readonly summary: DatasetSummary;
}

export type OpenHooks = Pick<OpenDatasetOptions, 'onDownload' | 'onRead' | 'signal'>;

/** @throws InputError, DataError when there is no such dataset, it cannot be used or a part is empty. */
export async function openAndSplit(
  source: DataSource,
  request: SplitRequest,
  hooks: OpenHooks = {},
): Promise<OpenedData> {
  const { dataset: name, images, ...options } = source;
  const opened = await openDataset(name, {
    ...options,
    ...(images !== undefined && { count: images }),
    ...hooks,
  });
  const { dataset, rejected, attributes } = opened;
  const split = splitDataset(dataset, request);
  for (const part of ['train', 'validation', 'test'] as const)
    if (split[part].length === 0)
      throw new DataError(
        `${dataset.name}: the ${part} part is empty; choose other fractions or give more images`,
      );
  return {
    ...{ dataset, split, ...(attributes && { attributes }) },
    notes: [...opened.warnings, ...rejectionNotes(rejected)],
  };
}

function rejectionNotes(rejected: readonly { readonly reason: string }[]): string[] {
  const [first] = rejected;
  if (first === undefined) return [];
  return [`${String(rejected.length)} images are not used, for example: ${first.reason}`];
}

/** Images ready for the model, in memory that worker threads share. */
export async function prepareData(
  { dataset, split, attributes }: OpenedData,
  options: PreprocessingOptions,
): Promise<PreparedData> {
  const all = await preprocess(dataset, options, split.train);
  const part = (indices: Int32Array): LabelledImages => inSharedMemory(selectExamples(all, indices));
  return {
    train: part(split.train),
    validation: part(split.validation),
    test: part(split.test),
    testPatients: Array.from(split.test, (i) => at(dataset.patients, i)),
    ...(attributes && { testAttributes: Array.from(split.test, (i) => at(attributes, i)) }),
    testIndices: split.test,
    preprocessing: all.resolved,
    summary: summaryOf(dataset, split, all.imageDims),
  };
}

function inSharedMemory({ images, labels, count, imageDims }: Preprocessed): LabelledImages {
  const shared = new Float32Array(new SharedArrayBuffer(images.byteLength));
  shared.set(images);
  return { images: shared, labels, count, imageDims };
}

function summaryOf(
  dataset: Dataset,
  split: Split,
  [channels, height, width]: readonly [number, number, number],
): DatasetSummary {
  return {
    name: dataset.name,
    synthetic: dataset.synthetic,
    classNames: dataset.classNames,
    splits: (['train', 'validation', 'test'] as const).map((name) => ({
      name,
      counts: classCounts(dataset, split[name]),
    })),
    imageDims: [height, width, channels],
  };
}
