/**
 * A training pool spread over virtual sites: seeded, patient-respecting, with a least number of images a site.
 * The held-out test part is cut before; only the indices given here are dealt out.
 */
import { DataError, InputError } from '../../shared/errors.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import type { Dataset } from '../../shared/data/dataset.ts';
import { at, classCounts } from '../../shared/data/select.ts';
import { groupByPatient, type PatientGroup } from '../../shared/data/split.ts';
import {
  dealByDirichlet,
  dealByQuantity,
  dealByShards,
  dealIid,
  type Dealt,
  type DealOptions,
  type PartitionScheme,
} from './schemes.ts';

export interface PartitionOptions {
  readonly scheme: PartitionScheme;
  /** Number of virtual sites; with 'natural' it may be left out, and must otherwise agree with the data. */
  readonly sites?: number;
  readonly seed: number;
  /** Images that each site has at least. Default 1. */
  readonly minimumPerSite?: number;
}

export interface PartitionSite {
  readonly name: string;
  /** Into the dataset, ascending; disjoint between sites. */
  readonly indices: Int32Array;
}

export interface Partition {
  readonly sites: readonly PartitionSite[];
  readonly classNames: readonly string[];
  /** [site][class]: number of images. */
  readonly counts: readonly (readonly number[])[];
}

const DEFAULT_SITES = 5;
const MAX_SITES = 10_000;

interface NamedSites {
  readonly names: readonly string[];
  readonly dealt: Dealt;
}

/** The site of most of a patient's images; of equals the first by name, so that the choice is the same everywhere. */
function homeOf(group: PatientGroup, sites: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const index of group.indices) {
    const site = at(sites, index);
    counts.set(site, (counts.get(site) ?? 0) + 1);
  }
  return [...counts].reduce((best, next) =>
    next[1] > best[1] || (next[1] === best[1] && next[0] < best[0]) ? next : best,
  )[0];
}

function dealNaturally(
  dataset: Dataset,
  groups: readonly PatientGroup[],
  wanted: number | undefined,
): NamedSites {
  const { sites } = dataset;
  if (!sites)
    throw new DataError(
      `${dataset.name}: the data do not say which site an image is from; choose another partition`,
    );
  const homes = groups.map((group) => homeOf(group, sites));
  const names = [...new Set(homes)].sort();
  if (wanted !== undefined && wanted !== names.length)
    throw new InputError(
      `${dataset.name} has ${String(names.length)} sites (${names.join(', ')}), not ${String(wanted)}; leave the number out or choose another partition`,
    );
  return { names, dealt: names.map((name) => groups.filter((_, i) => homes[i] === name)) };
}

function deal(groups: readonly PatientGroup[], scheme: PartitionScheme, options: DealOptions): Dealt {
  switch (scheme.kind) {
    case 'iid':
      return dealIid(groups, options);
    case 'dirichlet':
      return dealByDirichlet(groups, scheme.alpha, options);
    case 'shards':
      return dealByShards(groups, scheme.shardsPerSite, options);
    case 'quantity':
      return dealByQuantity(groups, scheme.exponent, options);
    case 'natural':
      throw new InputError('natural sites are read from the data, not dealt');
  }
}

const imagesIn = (groups: readonly PatientGroup[]): number =>
  groups.reduce((sum, group) => sum + group.indices.length, 0);

/** Moves patients from the largest site to those below the minimum, as long as the largest stays above it. */
function liftToMinimum(dealt: Dealt, minimum: number): PatientGroup[][] {
  const sites = dealt.map((groups) => [...groups]);
  for (const poor of sites) {
    while (imagesIn(poor) < minimum) {
      const rich = sites.reduce((a, b) => (imagesIn(b) > imagesIn(a) ? b : a));
      const patient = rich.at(-1);
      if (!patient || rich === poor || imagesIn(rich) - patient.indices.length < minimum) break;
      rich.pop();
      poor.push(patient);
    }
  }
  return sites;
}

function siteCountOf(options: PartitionOptions): number {
  const sites = options.sites ?? DEFAULT_SITES;
  if (!Number.isInteger(sites) || sites < 1 || sites > MAX_SITES)
    throw new InputError(`the number of sites is ${String(sites)}; give 1 to ${String(MAX_SITES)}`);
  return sites;
}

function namedSites(
  dataset: Dataset,
  groups: readonly PatientGroup[],
  options: PartitionOptions,
): NamedSites {
  if (options.scheme.kind === 'natural') return dealNaturally(dataset, groups, options.sites);
  const sites = siteCountOf(options);
  const rng = createRng(deriveSeed('partition', options.seed, options.scheme.kind, sites));
  const dealt = deal(groups, options.scheme, { sites, classes: dataset.classNames.length, rng });
  return {
    names: dealt.map((_, i) => `site ${String(i + 1)}`),
    dealt: liftToMinimum(dealt, options.minimumPerSite ?? 1),
  };
}

/**
 * Spreads the images at `indices` over virtual sites. Each image is at exactly one site, a patient's all at the same.
 * @throws InputError when the number of sites is out of range or the minimum cannot be met; DataError when the data
 * name no sites.
 */
export function partition(
  dataset: Dataset,
  indices: ArrayLike<number>,
  options: PartitionOptions,
): Partition {
  const groups = groupByPatient(dataset, indices);
  const { names, dealt } = namedSites(dataset, groups, options);
  const minimum = options.minimumPerSite ?? 1;
  const short = dealt.findIndex((site) => imagesIn(site) < minimum);
  if (short >= 0)
    throw new InputError(
      `${names[short] ?? 'a site'} would have ${String(imagesIn(dealt[short] ?? []))} images of at least ${String(minimum)}; ` +
        `there are ${String(indices.length)} images of ${String(groups.length)} patients for ${String(names.length)} sites: ` +
        `take fewer sites or a lower minimum`,
    );
  const sites = dealt.map((site, i) => ({
    name: names[i] ?? '',
    indices: Int32Array.from(site.flatMap((group) => group.indices)).sort(),
  }));
  return {
    sites,
    classNames: dataset.classNames,
    counts: sites.map((site) => classCounts(dataset, site.indices)),
  };
}
