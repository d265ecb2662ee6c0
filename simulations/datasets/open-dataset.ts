/** One door to every dataset: `openDataset('medmnist:breastmnist')`. */
import { InputError } from '../../shared/errors.ts';
import type { Dataset } from '../../shared/data/dataset.ts';
import type { CollectionProgress, ImageAttributes } from '../../shared/data/image-collection.ts';
import { readNpzDataset } from '../../shared/data/medmnist-layout.ts';
import { isMedmnistName, MEDMNIST_CLASSES, type MedmnistName } from '../../shared/data/medmnist-names.ts';
import { LOCAL_FORMS, openLocal, type LocalOptions } from '../../shared/data/open-local.ts';
import { makePhantoms } from '../../shared/data/phantoms.ts';
import { applyQualityGate, type Rejection } from '../../shared/data/quality.ts';
import type { TableColumn } from '../../shared/data/table-reader.ts';
import type { DownloadProgress } from './download.ts';
import { medmnistFile, type MedmnistFileOptions } from './medmnist-download.ts';
import { MEDMNIST_REGISTRY, MEDMNIST_SIZES, type MedmnistSize } from './medmnist-registry.ts';

export interface OpenDatasetOptions {
  /** A copy on disk of what `medmnist:` would download. */
  readonly file?: string;
  /** For phantoms: which ones. Default 0. */
  readonly seed?: number;
  /** For phantoms: how many images and virtual hospitals. */
  readonly count?: number;
  readonly sites?: number;
  /** Phantoms and image files: side in pixels of the square that images are brought to. */
  readonly size?: number;
  /** Image files: grey or RGB; absent: as they are. */
  readonly channels?: 1 | 3;
  /** Tables: our column → the table's. */
  readonly columns?: Partial<Readonly<Record<TableColumn, string>>>;
  /** Class folders: at most so many images of each class. */
  readonly limitPerClass?: number;
  /** Downloads: where to and from. */
  readonly download?: Pick<MedmnistFileOptions, 'cache' | 'baseUrl' | 'clock' | 'stallMs'>;
  readonly onDownload?: (progress: DownloadProgress) => void;
  readonly onRead?: (progress: CollectionProgress) => void;
  readonly signal?: AbortSignal;
}

export interface OpenedDataset {
  readonly dataset: Dataset;
  /** Images that are not used, with reasons. */
  readonly rejected: readonly Rejection[];
  /** What the user should know: another checksum than published, synthetic images, a licence's limits. */
  readonly warnings: readonly string[];
  /** [count], where a table gave sex, age, scanner, location or date. */
  readonly attributes?: readonly ImageAttributes[];
}

/** Forms of a dataset's name, for help texts and messages. */
export const DATASET_FORMS = ['phantoms', 'medmnist:<name>[@28|64|128|224]', ...LOCAL_FORMS] as const;

const FORMS = DATASET_FORMS.join(', ');

function openPhantoms(options: OpenDatasetOptions): OpenedDataset {
  const dataset = makePhantoms({
    seed: options.seed ?? 0,
    ...(options.count !== undefined && { count: options.count }),
    ...(options.sites !== undefined && { sites: options.sites }),
    ...(options.size !== undefined && { size: options.size }),
  });
  return {
    dataset,
    rejected: [],
    warnings: ['the images are synthetic: the figures say nothing about patients'],
  };
}

function parseMedmnist(text: string): { name: MedmnistName; size: MedmnistSize } {
  const [name = '', sizeText = '28'] = text.split('@', 2);
  const size = MEDMNIST_SIZES.find((known) => String(known) === sizeText);
  if (!isMedmnistName(name))
    throw new InputError(`"${name}" is no MedMNIST set; choose ${Object.keys(MEDMNIST_CLASSES).join(', ')}`);
  if (size === undefined)
    throw new InputError(`medmnist:${name} has no size "${sizeText}"; choose ${MEDMNIST_SIZES.join(', ')}`);
  if (MEDMNIST_REGISTRY[name].task === 'multi-label')
    throw new InputError(
      `medmnist:${name} has several labels an image, which is not supported; choose another set`,
    );
  return { name, size };
}

async function openMedmnist(text: string, options: OpenDatasetOptions): Promise<OpenedDataset> {
  const { name, size } = parseMedmnist(text);
  const { path, warnings } = await medmnistFile({
    name,
    size,
    ...options.download,
    ...(options.file !== undefined && { file: options.file }),
    ...(options.onDownload && { onProgress: options.onDownload }),
    ...(options.signal && { signal: options.signal }),
  });
  const dataset = await readNpzDataset(path, {
    name: `medmnist:${text}`,
    classNames: MEDMNIST_CLASSES[name],
  });
  const { licence } = MEDMNIST_REGISTRY[name];
  const limits =
    licence === 'CC BY-NC 4.0' ? [`medmnist:${name} is licensed ${licence}: no commercial use`] : [];
  return { ...applyQualityGate(dataset), warnings: [...warnings, ...limits] };
}

function localOptions(options: OpenDatasetOptions): LocalOptions {
  return {
    ...(options.columns && { columns: options.columns }),
    ...(options.size !== undefined && { size: { height: options.size, width: options.size } }),
    ...(options.channels !== undefined && { channels: options.channels }),
    ...(options.limitPerClass !== undefined && { limitPerClass: options.limitPerClass }),
    ...(options.onRead && { onProgress: options.onRead }),
    ...(options.signal && { signal: options.signal }),
  };
}

/**
 * Opens a dataset by its name, with unusable images left out.
 * @throws InputError for an unknown name, listing the choices; DataError when the data cannot be used.
 */
export async function openDataset(spec: string, options: OpenDatasetOptions = {}): Promise<OpenedDataset> {
  const colon = spec.indexOf(':');
  const kind = colon < 0 ? spec : spec.slice(0, colon);
  const rest = colon < 0 ? '' : spec.slice(colon + 1);
  if (kind === 'phantoms' && rest === '') return openPhantoms(options);
  if (rest !== '') {
    if (kind === 'medmnist') return openMedmnist(rest, options);
    if (kind === 'npz' || kind === 'folder' || kind === 'table')
      return { ...(await openLocal(spec, localOptions(options))), warnings: [] };
  }
  throw new InputError(`dataset "${spec}" is not known; choose one of ${FORMS}`);
}
