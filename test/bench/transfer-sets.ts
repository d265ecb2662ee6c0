/** The sets of `npm run bench:transfer`: what backbones are trained on, and what they are fine-tuned for with few labels. */
import { at } from '../../shared/data/select.ts';
import { cutByPatient } from '../../shared/data/split.ts';
import type { Dataset } from '../../shared/data/dataset.ts';
import { readNpz, writeNpz, type Npz } from '../../shared/data/npz.ts';
import type { NpyArray } from '../../shared/data/npy.ts';
import { readNpzDataset } from '../../shared/data/medmnist-layout.ts';
import { InputError } from '../../shared/errors.ts';
import type { RecipeInput } from '../../shared/learning/training/recipe.ts';
import type { SimulationInput } from '../../simulations/simulation-config.ts';

/** What all images are brought to. */
export const PREPROCESSING = {
  size: { height: 28, width: 28 },
  intensity: { kind: 'zscore' },
} satisfies SimulationInput['preprocessing'];

export interface SourceSet {
  readonly key: string;
  /** Below the folder of test images. */
  readonly path: string;
  /** Of the file only the images of the hospitals for which this holds; see `writeHospitals`. */
  readonly hospitals?: (hospital: string) => boolean;
  /** As `openDataset` takes it. */
  readonly dataset: (path: string) => string;
  /** What of the training of backbones is this set's own. */
  readonly recipe: RecipeInput;
}

const HAM10000 = 'ham10000-fed-28/ham10000-fed-28.npz';
/** Of the four the one with the most images of every diagnosis. */
const SOURCE_HOSPITAL = 'vidir_modern';

export const SOURCES: readonly SourceSet[] = [
  {
    ...{ key: 'one hospital', path: HAM10000, hospitals: (name) => name === SOURCE_HOSPITAL },
    dataset: (file) => `npz:${file}`,
    recipe: { epochs: 40, augmentation: 'dermatoscopy' },
  },
  {
    // Split by lesion, which the file names.
    ...{ key: 'ham10000', path: HAM10000 },
    dataset: (file) => `npz:${file}`,
    recipe: { epochs: 12, augmentation: 'dermatoscopy' },
  },
  {
    ...{ key: 'pneumonia', path: 'medmnist/pneumoniamnist-reassembled.npz' },
    dataset: (file) => `npz:${file}`,
    recipe: { epochs: 10 },
  },
];

export interface TargetSet {
  readonly key: string;
  readonly path: string;
  /** As of a source. */
  readonly hospitals?: (hospital: string) => boolean;
  /** The sources it is fine-tuned from; never itself. */
  readonly sources: readonly string[];
  /** Whether the body that stays as the source made it is an arm as well. */
  readonly hasFrozenArm?: true;
}

export const TARGETS: readonly TargetSet[] = [
  {
    ...{ key: 'other-hospitals', path: HAM10000, sources: ['one hospital'] },
    hospitals: (name) => name !== SOURCE_HOSPITAL,
    hasFrozenArm: true,
  },
  { key: 'breast', path: 'medmnist/breastmnist.npz', sources: ['ham10000', 'pneumonia'] },
  { key: 'pneumonia', path: 'medmnist/pneumoniamnist-reassembled.npz', sources: ['ham10000'] },
];

/** Shares of the training labels. */
export const FRACTIONS = [0.1, 0.3, 1] as const;

/** Which images of the official training part keep their labels: stratified, whole patients, another choice for every seed. */
export function labelledRows(dataset: Dataset, fraction: number, seed: number): number[] {
  const train = Array.from(dataset.labels.keys()).filter((i) => dataset.officialSplit?.[i] === 'train');
  if (fraction === 1) return train;
  const { cut } = cutByPatient(dataset, train, { fraction, seed, purpose: 'labelled' });
  return cut.toSorted((a, b) => a - b);
}

/** Rows of an array, whatever its other dimensions are. */
export function rowsOf(array: NpyArray, rows: readonly number[]): NpyArray {
  const [, ...rest] = array.shape;
  const size = rest.reduce((a, b) => a * b, 1);
  if (array.kind === 'text') throw new InputError('images and labels are numbers');
  const data = Uint8Array.from({ length: rows.length * size }, (_, i) =>
    at(array.data, at(rows, Math.floor(i / size)) * size + (i % size)),
  );
  return { kind: 'numeric', dtype: 'u1', shape: [rows.length, ...rest], data };
}

/** A copy of a target's file in which only some training images are left; validation and test stay as they are. */
export async function writeSubset(
  path: string,
  to: string,
  { fraction, seed }: { readonly fraction: number; readonly seed: number },
): Promise<void> {
  const dataset = await readNpzDataset(path);
  const rows = labelledRows(dataset, fraction, seed);
  const npz = await readNpz(path);
  // The official training part comes first, in the order of the file.
  const cut = (name: string): readonly [string, NpyArray] => [name, rowsOf(arrayOf(npz, name), rows)];
  await writeNpz(to, new Map([...npz, cut('train_images'), cut('train_labels')]));
}

export function arrayOf(npz: Npz, name: string): NpyArray {
  const array = npz.get(name);
  if (!array) throw new InputError(`the file has no ${name}`);
  return array;
}
