/**
 * HAM10000 cut in two for `npm run bench:transfer`: the images of one of its four hospitals, which a backbone is trained
 * on, and those of the other three. Lesions of which both sides have images are in neither.
 */
import type { Dataset } from '../../shared/data/dataset.ts';
import { readNpzDataset } from '../../shared/data/medmnist-layout.ts';
import type { NpyArray } from '../../shared/data/npy.ts';
import { readNpz, writeNpz } from '../../shared/data/npz.ts';
import { at, selectImages } from '../../shared/data/select.ts';
import { splitDataset } from '../../shared/data/split.ts';
import { arrayOf, rowsOf } from './transfer-sets.ts';

/** Of the images at the hospitals that are `chosen`, without lesions that others have images of too. */
export function hospitalRows(
  { sites = [], patients }: Pick<Dataset, 'sites' | 'patients'>,
  isChosen: (hospital: string) => boolean,
): number[] {
  const lesionsOf = (wanted: boolean): Set<string> =>
    new Set(patients.filter((_, i) => isChosen(at(sites, i)) === wanted));
  const elsewhere = lesionsOf(false);
  return Array.from(sites.keys()).filter(
    (row) => isChosen(at(sites, row)) && !elsewhere.has(at(patients, row)),
  );
}

/** In the layout of MedMNIST: the parts, cut by lesion, stand in the file and are the same for every seed. */
export async function writeHospitals(
  path: string,
  to: string,
  isChosen: (hospital: string) => boolean,
): Promise<void> {
  const dataset = await readNpzDataset(path);
  const rows = hospitalRows(dataset, isChosen);
  const split = splitDataset(selectImages(dataset, rows), { seed: 0 });
  const npz = await readNpz(path);
  const arrays = new Map<string, NpyArray>();
  for (const [prefix, part] of [
    ['train', split.train],
    ['val', split.validation],
    ['test', split.test],
  ] as const)
    for (const name of ['images', 'labels'])
      arrays.set(
        `${prefix}_${name}`,
        rowsOf(
          arrayOf(npz, name),
          Array.from(part, (index) => at(rows, index)),
        ),
      );
  await writeNpz(to, arrays);
}
