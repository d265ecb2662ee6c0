/**
 * How a dataset is spread over virtual sites, and how a scheme is written on the command line.
 * Schemes deal out patients (groups of images), never single images, so that no patient is at two sites.
 */
import { z } from 'zod';
import { InputError, InvariantError } from '../../shared/errors.ts';
import type { Rng } from '../../shared/rng.ts';
import type { PatientGroup } from '../../shared/data/split.ts';
import { dirichlet, weightedIndex } from './distributions.ts';

export const partitionSchema = z.discriminatedUnion('kind', [
  /** Every site draws from the same distribution, equal sizes. */
  z.strictObject({ kind: z.literal('iid') }),
  /** Class mixes from Dir(α·p), equal sizes: Hsu, Qi and Brown 2019, §2. Small α: few classes a site. */
  z.strictObject({ kind: z.literal('dirichlet'), alpha: z.number().min(1e-3).max(1e6).default(0.5) }),
  /** Sorted by class, cut into shards, k shards a site: McMahan et al. 2017, §3. */
  z.strictObject({ kind: z.literal('shards'), shardsPerSite: z.int().min(1).max(100).default(2) }),
  /** Sizes ∝ rank^−exponent, same class mix. */
  z.strictObject({ kind: z.literal('quantity'), exponent: z.number().min(0).max(5).default(1) }),
  /** The site that the data name. */
  z.strictObject({ kind: z.literal('natural') }),
]);
export type PartitionScheme = z.infer<typeof partitionSchema>;
export type PartitionKind = PartitionScheme['kind'];

/** Forms on the command line, for help texts and messages. */
export const PARTITION_FORMS = [
  'iid',
  'dirichlet[:alpha]',
  'shards[:per-site]',
  'quantity[:exponent]',
  'natural',
] as const;

function schemeFields(kind: string, value: string | undefined): Record<string, unknown> {
  if (value === undefined || value === '') return { kind };
  const number = Number(value);
  if (kind === 'dirichlet') return { kind, alpha: number };
  if (kind === 'shards') return { kind, shardsPerSite: number };
  if (kind === 'quantity') return { kind, exponent: number };
  return { kind, value };
}

/** "dirichlet:0.3" → the scheme. @throws InputError listing the forms. */
export function parsePartition(text: string): PartitionScheme {
  const [kind = '', value] = text.split(':', 2);
  const parsed = partitionSchema.safeParse(schemeFields(kind, value));
  if (parsed.success) return parsed.data;
  throw new InputError(
    `partition "${text}" is not known or out of range; choose ${PARTITION_FORMS.join(', ')}`,
  );
}

/** Patients for each site. */
export type Dealt = readonly (readonly PatientGroup[])[];

export interface DealOptions {
  readonly sites: number;
  readonly classes: number;
  readonly rng: Rng;
}

const imagesIn = (groups: readonly PatientGroup[]): number =>
  groups.reduce((sum, group) => sum + group.indices.length, 0);

/**
 * Deals shuffled patients so that site i gets its share of the images: each patient goes to the site that lacks
 * most of its share.
 */
export function dealByShares(
  groups: readonly PatientGroup[],
  shares: readonly number[],
  rng: Rng,
): PatientGroup[][] {
  const total = imagesIn(groups);
  const missing = shares.map((share) => share * total);
  const dealt: PatientGroup[][] = shares.map(() => []);
  for (const group of rng.shuffle([...groups])) {
    let neediest = 0;
    missing.forEach((count, site) => {
      if (count > (missing[neediest] ?? 0)) neediest = site;
    });
    dealt[neediest]?.push(group);
    missing[neediest] = (missing[neediest] ?? 0) - group.indices.length;
  }
  return dealt;
}

export function dealIid(groups: readonly PatientGroup[], options: DealOptions): Dealt {
  return dealByShares(groups, Array<number>(options.sites).fill(1 / options.sites), options.rng);
}

export function dealByQuantity(
  groups: readonly PatientGroup[],
  exponent: number,
  options: DealOptions,
): Dealt {
  const weights = Array.from({ length: options.sites }, (_, rank) => (rank + 1) ** -exponent);
  const total = weights.reduce((a, b) => a + b, 0);
  // Which site is the large one is chance, too.
  return dealByShares(groups, options.rng.shuffle(weights.map((weight) => weight / total)), options.rng);
}

export function dealByDirichlet(groups: readonly PatientGroup[], alpha: number, options: DealOptions): Dealt {
  const { sites, classes, rng } = options;
  const byClass = Array.from({ length: classes }, (_, label) =>
    rng.shuffle(groups.filter((group) => group.label === label)),
  );
  const prior = byClass.map((patients) => patients.length / groups.length);
  const mixes = Array.from({ length: sites }, () =>
    dirichlet(
      rng,
      prior.map((share) => alpha * share),
    ),
  );
  const dealt: PatientGroup[][] = mixes.map(() => []);
  const sizes = mixes.map(() => 0);
  for (let left = groups.length; left > 0; left--) {
    // The smallest site draws next, so that sizes stay equal however many images a patient has.
    const site = sizes.indexOf(Math.min(...sizes));
    const drawn = byClass.map((patients, label) => (patients.length > 0 ? (mixes[site]?.[label] ?? 0) : 0));
    // Once the classes of a mix are used up, the draw is from what is left: Hsu et al. renormalise likewise.
    const weights = drawn.some((weight) => weight > 0) ? drawn : byClass.map((patients) => patients.length);
    const group = byClass[weightedIndex(rng, weights)]?.pop();
    if (!group) throw new InvariantError('a class was drawn that has no patients left');
    dealt[site]?.push(group);
    sizes[site] = (sizes[site] ?? 0) + group.indices.length;
  }
  return dealt;
}

export function dealByShards(
  groups: readonly PatientGroup[],
  shardsPerSite: number,
  options: DealOptions,
): Dealt {
  const { sites, rng } = options;
  const sorted = rng.shuffle([...groups]).sort((a, b) => a.label - b.label);
  const count = sites * shardsPerSite;
  const total = imagesIn(sorted);
  const shards: PatientGroup[][] = Array.from({ length: count }, () => []);
  let seen = 0;
  for (const group of sorted) {
    shards[Math.min(count - 1, Math.floor((seen * count) / total))]?.push(group);
    seen += group.indices.length;
  }
  rng.shuffle(shards);
  return Array.from({ length: sites }, (_, site) =>
    shards.slice(site * shardsPerSite, (site + 1) * shardsPerSite).flat(),
  );
}
