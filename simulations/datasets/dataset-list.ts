/** What `--dataset` takes, for people: one line for each form and each set that can be downloaded. */
import { isMedmnistName, MEDMNIST_CLASSES, type MedmnistName } from '../../shared/data/medmnist-names.ts';
import { formatCount } from '../../shared/format.ts';
import { MEDMNIST_REGISTRY, MEDMNIST_SIZES } from './medmnist-registry.ts';

const LOCAL: readonly (readonly [form: string, meaning: string])[] = [
  ['phantoms', 'generated chest radiographs of virtual hospitals, 3 classes; needs no file and no network'],
  ['folder:<directory>', 'image files, one folder for each class'],
  ['table:<labels.csv>', 'image files named in a table, with labels, patients and sites where it has them'],
  ['npz:<file>', 'arrays in the layout of MedMNIST'],
];

export function datasetList(): string {
  const downloads = Object.keys(MEDMNIST_CLASSES).filter(isMedmnistName).flatMap(lineOf);
  const width = Math.max(...[...LOCAL, ...downloads].map(([form]) => form.length));
  const lines = (rows: readonly (readonly [string, string])[]): string =>
    rows.map(([form, meaning]) => `${form.padEnd(width)}  ${meaning}\n`).join('');
  const [first = '', ...others] = MEDMNIST_SIZES.map(String);
  return (
    `${lines(LOCAL)}\nDownloaded once, or read from --file <copy>; ${first} pixels a side, ` +
    `or medmnist:<name>@${others.join(', @')}:\n${lines(downloads)}`
  );
}

/** Sets with several labels an image cannot be trained on. */
function lineOf(name: MedmnistName): [form: string, meaning: string][] {
  const { counts, channels, licence, task } = MEDMNIST_REGISTRY[name];
  if (task === 'multi-label') return [];
  const images = formatCount(counts.reduce((a, b) => a + b, 0));
  const classes = String(MEDMNIST_CLASSES[name].length);
  const colour = channels === 3 ? 'colour' : 'grey';
  return [[`medmnist:${name}`, `${images} images, ${classes} classes, ${colour}, ${licence}`]];
}
