/**
 * From a dataset's name to virtual hospitals. The held-out global test set is cut first, then the validation set; what
 * is left is dealt to the sites. All training images stand once in shared memory, each site's a part of them.
 */
import { preprocess, selectExamples, type Preprocessed } from '../../shared/data/preprocess.ts';
import type { ImageAttributes } from '../../shared/data/image-collection.ts';
import type { PreprocessingOptions } from '../../shared/data/preprocessing-schema.ts';
import { classCounts } from '../../shared/data/select.ts';
import { cutByPatient, splitDataset } from '../../shared/data/split.ts';
import type { Dataset, Split } from '../../shared/data/dataset.ts';
import { siteIdSchema, type SiteId } from '../../shared/ids.ts';
import { imageLengthOf, type LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { openDataset, type OpenedDataset } from '../datasets/open-dataset.ts';
import { partition, type Partition } from '../partition/partition.ts';
import type { PartitionScheme } from '../partition/schemes.ts';
import { dealTestImages } from '../partition/test-shares.ts';
import { toSharedMemory } from '../pool/tasks.ts';
import type { DatasetSummary } from '../report/result-types.ts';
import type { SimulationConfig } from '../simulation-config.ts';

export interface VirtualSite {
  readonly siteId: SiteId;
  /** As the partition or the data call it. */
  readonly name: string;
  /** What it trains on. */
  readonly data: LabelledImages;
  /** What it judges global models with, where the configuration sets some aside. */
  readonly validation?: LabelledImages;
  readonly classCounts: readonly number[];
  /** Its share of the held-out test images, as positions in the test set. */
  readonly testRows: Int32Array;
}

export interface PreparedData {
  readonly summary: DatasetSummary;
  readonly classNames: readonly string[];
  readonly imageDims: readonly [number, number, number];
  /** With every measured statistic filled in. */
  readonly preprocessing: PreprocessingOptions;
  readonly sites: readonly VirtualSite[];
  /** The training images of all sites. */
  readonly pooled: LabelledImages;
  readonly validation: LabelledImages;
  readonly test: LabelledImages;
  /** [test.count] */
  readonly testPatients: readonly string[];
  /** [test.count], where the data say more of an image than its class. */
  readonly testAttributes?: readonly ImageAttributes[];
  readonly notices: readonly string[];
}

const siteIdOf = (index: number, count: number): SiteId =>
  siteIdSchema.parse(`site-${String(index + 1).padStart(String(count).length, '0')}`);

/** @throws InputError or DataError when the dataset cannot be opened, split or dealt out as asked. */
export async function prepareData(config: SimulationConfig, signal?: AbortSignal): Promise<PreparedData> {
  const opened = await openDataset(config.dataset, {
    seed: config.seed,
    count: config.images,
    sites: config.sites,
    ...(config.file !== undefined && { file: config.file }),
    ...(signal && { signal }),
  });
  const { dataset } = opened;
  const split = splitDataset(dataset, { seed: config.seed });
  const scheme = config.partition ?? defaultScheme(dataset);
  const dealt = partition(dataset, split.train, {
    scheme,
    ...(config.partition?.kind === 'natural' ? {} : { sites: config.sites }),
    seed: config.seed,
    minimumPerSite: config.minimumPerSite,
  });
  const all = await preprocess(dataset, config.preprocessing, split.train);
  const tests = dealTestImages(dataset, split.test, {
    sites: dealt.sites,
    natural: scheme.kind === 'natural',
  });
  const parts = setAside(dataset, dealt, config, tests);
  return {
    ...dealOut(all, dataset, parts),
    ...evaluationParts(all, opened, split),
    ...describe(opened, all, { ...split, parts }),
  };
}

/** Phantoms come from virtual hospitals with scanners of their own; other data are dealt with uneven classes. */
const defaultScheme = (dataset: Dataset): PartitionScheme =>
  dataset.synthetic && dataset.sites ? { kind: 'natural' } : { kind: 'dirichlet', alpha: 0.5 };

/** A site's images as indices into the dataset. */
interface SiteParts {
  readonly name: string;
  readonly training: readonly number[];
  /** Whole patients that the site does not train on. */
  readonly validation: readonly number[];
  /** Positions in the held-out test set. */
  readonly testRows: Int32Array;
}

/** What each site sets aside is its own choice by its own random numbers. */
function setAside(
  dataset: Dataset,
  dealt: Partition,
  { localValidation, seed }: SimulationConfig,
  tests: readonly Int32Array[],
): SiteParts[] {
  return dealt.sites.map(({ name, indices }, site) => {
    const purpose = `local validation of ${name}`;
    const { cut, rest } = cutByPatient(dataset, indices, { fraction: localValidation, seed, purpose });
    return { name, training: rest, validation: cut, testRows: tests[site] ?? new Int32Array() };
  });
}

function dealOut(
  all: Preprocessed,
  dataset: Dataset,
  parts: readonly SiteParts[],
): Pick<PreparedData, 'sites' | 'pooled' | 'imageDims'> {
  const training = parts.flatMap((part) => part.training);
  const shared = toSharedMemory(
    selectExamples(all, [...training, ...parts.flatMap((part) => part.validation)]),
  );
  let first = 0;
  const next = (count: number): LabelledImages => {
    const taken = sliceOf(shared, first, count);
    first += count;
    return taken;
  };
  const trained = parts.map((part) => next(part.training.length));
  const judged = parts.map((part) => next(part.validation.length));
  const sites = parts.map((part, index): VirtualSite => {
    const data = trained[index] ?? sliceOf(shared, 0, 0);
    const validation = judged[index];
    return {
      siteId: siteIdOf(index, parts.length),
      name: part.name,
      data,
      ...(validation && validation.count > 0 && { validation }),
      classCounts: classCounts(dataset, Int32Array.from(part.training)),
      testRows: part.testRows,
    };
  });
  return { sites, pooled: sliceOf(shared, 0, training.length), imageDims: shared.imageDims };
}

/** A view of `count` examples. */
function sliceOf(all: LabelledImages, first: number, count: number): LabelledImages {
  const length = imageLengthOf(all);
  return {
    images: all.images.subarray(first * length, (first + count) * length),
    labels: all.labels.subarray(first, first + count),
    count,
    imageDims: all.imageDims,
  };
}

function evaluationParts(
  all: Preprocessed,
  { dataset, attributes }: OpenedDataset,
  split: Split,
): Pick<PreparedData, 'validation' | 'test' | 'testPatients' | 'testAttributes'> {
  return {
    validation: toSharedMemory(selectExamples(all, split.validation)),
    test: toSharedMemory(selectExamples(all, split.test)),
    testPatients: Array.from(split.test, (index) => dataset.patients[index] ?? ''),
    ...(attributes && { testAttributes: Array.from(split.test, (index) => attributes[index] ?? {}) }),
  };
}

function describe(
  { dataset, rejected, warnings }: OpenedDataset,
  all: Preprocessed,
  split: Split & { readonly parts: readonly SiteParts[] },
): Pick<PreparedData, 'summary' | 'classNames' | 'preprocessing' | 'notices'> {
  const part = (name: string, indices: ArrayLike<number>): DatasetSummary['splits'][number] => ({
    name,
    counts: classCounts(dataset, indices),
  });
  const own = split.parts.flatMap(({ validation }) => validation);
  const training = split.parts.flatMap((site) => site.training);
  const unusable = rejected.length === 0 ? [] : [`${String(rejected.length)} images cannot be used`];
  const [channels, height, width] = all.imageDims;
  return {
    classNames: dataset.classNames,
    preprocessing: all.resolved,
    notices: [...warnings, ...unusable],
    summary: {
      name: dataset.name,
      synthetic: dataset.synthetic,
      classNames: dataset.classNames,
      splits: [
        part('training (all sites)', training),
        ...(own.length > 0 ? [part('local validation (all sites)', own)] : []),
        part('validation', split.validation),
        part('held-out test', split.test),
      ],
      imageDims: [height, width, channels],
    },
  };
}
