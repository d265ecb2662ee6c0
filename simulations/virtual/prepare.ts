/**
 * From a dataset's name to virtual hospitals. The held-out global test set is cut first, then the validation set; what
 * is left is dealt to the sites. All training images stand once in shared memory, each site's a part of them.
 */
import {
  preprocess,
  selectExamples,
  type Preprocessed,
  type PreprocessingOptions,
} from '../../shared/data/preprocess.ts';
import { classCounts } from '../../shared/data/select.ts';
import { splitDataset } from '../../shared/data/split.ts';
import type { Dataset, Split } from '../../shared/data/dataset.ts';
import { siteIdSchema, type SiteId } from '../../shared/ids.ts';
import { imageLengthOf, type LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { openDataset, type OpenedDataset } from '../datasets/open-dataset.ts';
import { partition, type Partition } from '../partition/partition.ts';
import type { PartitionScheme } from '../partition/schemes.ts';
import { toSharedMemory } from '../pool/tasks.ts';
import type { DatasetSummary } from '../report/result-types.ts';
import type { SimulationConfig } from '../simulation-config.ts';

export interface VirtualSite {
  readonly siteId: SiteId;
  /** As the partition or the data call it. */
  readonly name: string;
  readonly data: LabelledImages;
  readonly classCounts: readonly number[];
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
  const dealt = partition(dataset, split.train, {
    scheme: config.partition ?? defaultScheme(dataset),
    ...(config.partition?.kind === 'natural' ? {} : { sites: config.sites }),
    seed: config.seed,
    minimumPerSite: config.minimumPerSite,
  });
  const all = await preprocess(dataset, config.preprocessing, split.train);
  return { ...dealOut(all, dealt), ...evaluationParts(all, dataset, split), ...describe(opened, all, split) };
}

/** Phantoms come from virtual hospitals with scanners of their own; other data are dealt with uneven classes. */
const defaultScheme = (dataset: Dataset): PartitionScheme =>
  dataset.synthetic && dataset.sites ? { kind: 'natural' } : { kind: 'dirichlet', alpha: 0.5 };

function dealOut(all: Preprocessed, dealt: Partition): Pick<PreparedData, 'sites' | 'pooled' | 'imageDims'> {
  const order = dealt.sites.flatMap((site) => [...site.indices]);
  const pooled = toSharedMemory(selectExamples(all, order));
  const length = imageLengthOf(pooled);
  let first = 0;
  const sites = dealt.sites.map((site, index): VirtualSite => {
    const count = site.indices.length;
    const data: LabelledImages = {
      images: pooled.images.subarray(first * length, (first + count) * length),
      labels: pooled.labels.subarray(first, first + count),
      count,
      imageDims: pooled.imageDims,
    };
    first += count;
    const siteId = siteIdOf(index, dealt.sites.length);
    return { siteId, name: site.name, data, classCounts: dealt.counts[index] ?? [] };
  });
  return { sites, pooled, imageDims: pooled.imageDims };
}

function evaluationParts(
  all: Preprocessed,
  dataset: Dataset,
  split: Split,
): Pick<PreparedData, 'validation' | 'test' | 'testPatients'> {
  return {
    validation: toSharedMemory(selectExamples(all, split.validation)),
    test: toSharedMemory(selectExamples(all, split.test)),
    testPatients: Array.from(split.test, (index) => dataset.patients[index] ?? ''),
  };
}

function describe(
  { dataset, rejected, warnings }: OpenedDataset,
  all: Preprocessed,
  split: Split,
): Pick<PreparedData, 'summary' | 'classNames' | 'preprocessing' | 'notices'> {
  const part = (name: string, indices: Int32Array): DatasetSummary['splits'][number] => ({
    name,
    counts: classCounts(dataset, indices),
  });
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
        part('training (all sites)', split.train),
        part('validation', split.validation),
        part('held-out test', split.test),
      ],
      imageDims: [height, width, channels],
    },
  };
}
