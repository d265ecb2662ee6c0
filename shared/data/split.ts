/**
 * Training, validation and test parts: by patient, stratified by class, seeded. The test part is cut first and from
 * its own random stream, so that it stays the same whatever is validated on.
 */
import { DataError, InputError } from '../errors.ts';
import { createRng, deriveSeed, type Rng } from '../rng.ts';
import type { Dataset, Split, SplitName } from './dataset.ts';
import { at } from './select.ts';

export interface SplitOptions {
  /** Share of the images, in [0, 1). Default 0.2; not used where the data have an official test part. */
  readonly testFraction?: number;
  /** Share of what is not test, in [0, 1). Default 0.15; not used where the data have an official validation part. */
  readonly validationFraction?: number;
  readonly seed: number;
  /** Default: honour official splits where the data have them. */
  readonly ignoreOfficial?: boolean;
}

/** Images of one patient, which stay together. */
export interface PatientGroup {
  /** Ascending. */
  readonly indices: readonly number[];
  /** The class that most of the images have; of equals the lower number. */
  readonly label: number;
}

function majority(labels: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].reduce((best, next) =>
    next[1] > best[1] || (next[1] === best[1] && next[0] < best[0]) ? next : best,
  )[0];
}

/** The images at `indices` by patient, in the order of each patient's first image. */
export function groupByPatient(dataset: Dataset, indices: ArrayLike<number>): PatientGroup[] {
  const groups = new Map<string, number[]>();
  for (const index of Array.from(indices)) {
    const patient = at(dataset.patients, index);
    const group = groups.get(patient);
    if (group) group.push(index);
    else groups.set(patient, [index]);
  }
  return [...groups.values()].map((members) => ({
    indices: members.toSorted((a, b) => a - b),
    label: majority(members.map((index) => at(dataset.labels, index))),
  }));
}

const imagesIn = (groups: readonly PatientGroup[]): number =>
  groups.reduce((sum, group) => sum + group.indices.length, 0);

/** Shuffled patients up to the target number of images; with two patients or more, one stays on each side. */
function cutStratum(
  groups: PatientGroup[],
  fraction: number,
  rng: Rng,
): { cut: PatientGroup[]; rest: PatientGroup[] } {
  if (groups.length < 2) return { cut: [], rest: groups };
  rng.shuffle(groups);
  const target = imagesIn(groups) * fraction;
  const cut: PatientGroup[] = [];
  const rest: PatientGroup[] = [];
  let taken = 0;
  for (const group of groups) {
    const size = group.indices.length;
    // A patient is taken where that brings the sum nearer to the target; one of very many images is passed over.
    const nearer = Math.abs(taken + size - target) < Math.abs(taken - target);
    if (nearer && cut.length < groups.length - 1) {
      cut.push(group);
      taken += size;
    } else rest.push(group);
  }
  if (cut.length > 0) return { cut, rest };
  const smallest = rest.reduce((a, b) => (b.indices.length < a.indices.length ? b : a));
  return { cut: [smallest], rest: rest.filter((group) => group !== smallest) };
}

/**
 * Takes about `fraction` of the images at `indices`, whole patients of every class. A class with one patient stays whole.
 * @param options fraction in [0, 1); `purpose` names the stream of random numbers
 */
export function cutByPatient(
  dataset: Dataset,
  indices: ArrayLike<number>,
  options: { fraction: number; seed: number; purpose: string },
): { cut: number[]; rest: number[] } {
  if (options.fraction === 0) return { cut: [], rest: Array.from(indices) };
  const groups = groupByPatient(dataset, indices);
  const parts = dataset.classNames.map((_, label) =>
    cutStratum(
      groups.filter((group) => group.label === label),
      options.fraction,
      createRng(deriveSeed('split', options.seed, options.purpose, label)),
    ),
  );
  return {
    cut: parts.flatMap((part) => part.cut.flatMap((group) => group.indices)),
    rest: parts.flatMap((part) => part.rest.flatMap((group) => group.indices)),
  };
}

function fractionOf(value: number, name: string): number {
  if (!(value >= 0 && value < 1))
    throw new InputError(`${name} is ${String(value)}; give a share from 0 up to below 1`);
  return value;
}

const ascending = (indices: readonly number[]): Int32Array => Int32Array.from(indices).sort();

/**
 * Train, validation and test indices. Official parts are honoured; a missing test part is cut from train, and then a
 * missing validation part as well. A class with one patient only stays in train.
 * @throws DataError when a patient stands in two official parts; InputError for a fraction outside [0, 1).
 */
export function splitDataset(dataset: Dataset, options: SplitOptions): Split {
  const testFraction = fractionOf(options.testFraction ?? 0.2, 'testFraction');
  const validationFraction = fractionOf(options.validationFraction ?? 0.15, 'validationFraction');
  const official = options.ignoreOfficial === true ? undefined : dataset.officialSplit;
  const partOf = (part: SplitName): number[] =>
    Array.from({ length: dataset.count }, (_, i) => i).filter(
      (i) => (official ? official[i] : 'train') === part,
    );
  const { seed } = options;
  let train = partOf('train');
  let test = partOf('test');
  let validation = partOf('validation');
  if (test.length === 0) {
    ({ cut: test, rest: train } = cutByPatient(dataset, train, {
      fraction: testFraction,
      seed,
      purpose: 'test',
    }));
  }
  if (validation.length === 0) {
    const cutting = { fraction: validationFraction, seed, purpose: 'validation' };
    ({ cut: validation, rest: train } = cutByPatient(dataset, train, cutting));
  }
  const split = { train: ascending(train), validation: ascending(validation), test: ascending(test) };
  assertNoPatientOnBothSides(dataset, split);
  return split;
}

/**
 * @throws DataError with the number of patients that stand in more than one part, and the part names. Never a
 * patient's identifier: messages end up in logs.
 */
export function assertNoPatientOnBothSides(dataset: Dataset, split: Split): void {
  const partsOfPatient = new Map<string, Set<SplitName>>();
  const parts: readonly (readonly [SplitName, Int32Array])[] = [
    ['train', split.train],
    ['validation', split.validation],
    ['test', split.test],
  ];
  for (const [part, indices] of parts)
    for (const index of indices) {
      const patient = at(dataset.patients, index);
      const seen = partsOfPatient.get(patient);
      if (seen) seen.add(part);
      else partsOfPatient.set(patient, new Set([part]));
    }
  const torn = [...partsOfPatient.values()].filter((seen) => seen.size > 1);
  if (torn.length === 0) return;
  const involved = parts.map(([part]) => part).filter((part) => torn.some((seen) => seen.has(part)));
  throw new DataError(
    `${dataset.name}: ${String(torn.length)} of ${String(partsOfPatient.size)} patients have images in more than one of ` +
      `${involved.join(', ')}; put all images of a patient into one part, or split by fractions`,
  );
}
