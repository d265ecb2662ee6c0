/**
 * Large cohorts: a site shares and masks with k neighbours only, on a Harary graph over a random order of the sites (Bell,
 * Bonawitz, Gascón, Lepoint, Raykova 2020, "Secure Single-Server Aggregation with (Poly)Logarithmic Overhead", CCS,
 * §3). Degree and threshold are the smallest for which, except with probability 2⁻⁴⁰, the honest survivors stay
 * connected and no site has a threshold of colluding neighbours, and, except with probability 2⁻²⁰, every site keeps
 * a threshold of surviving ones.
 *
 * The order follows from everybody's advertisements, not from the coordinator. Sites that collude with it can still try keys:
 * q tries multiply the 2⁻⁴⁰ by q.
 */
import { toHex } from '../crypto/bytes.ts';
import { InputError, InvariantError } from '../errors.ts';
import type { SiteId } from '../ids.ts';
import { createRng, deriveSeed, type Seed } from '../rng.ts';
import { logFactorials, lowerQuantile, upperQuantile } from './hypergeometric.ts';

const SECURITY_BITS = 40;
const CORRECTNESS_BITS = 20;
/** Fractions are given in decimals: 0.45 · 100 is 45, whatever binary makes of it. */
const ROUNDING = 1e-14;
/** Tables of factorials stay below a megabyte. */
const MAX_SITES = 100_000;

export interface NeighbourOptions {
  readonly siteCount: number;
  /** Fraction of the sites that collude with the coordinator, 0…1. */
  readonly colludingRate: number;
  /** Fraction of the sites that may drop, 0…1. */
  readonly dropRate: number;
  /**
   * Whether the coordinator may tell sites different survivors ('malicious'; then a threshold has to be more than half of the
   * honest neighbours) or follows the protocol ('curious').
   */
  readonly coordinator: 'curious' | 'malicious';
}

export interface NeighbourParameters {
  /** Neighbours of each site, k; even. */
  readonly degree: number;
  /** Shares that reconstruct, t. */
  readonly threshold: number;
}

interface Bounds {
  readonly population: number;
  readonly colluding: number;
  readonly surviving: number;
  readonly dropped: number;
  readonly factorials: Float64Array;
}

function boundsOf({ siteCount, colludingRate, dropRate, coordinator }: NeighbourOptions): Bounds {
  if (!Number.isInteger(siteCount) || siteCount < 1 || siteCount > MAX_SITES)
    throw new InputError(
      `neighbours are computed for 1 to ${String(MAX_SITES)} sites, not ${String(siteCount)}`,
    );
  if (!(colludingRate >= 0 && colludingRate < 1 && dropRate >= 0 && dropRate < 1))
    throw new InputError('the rates of colluding and of dropping sites lie in 0 to 1');
  const load = colludingRate + (coordinator === 'malicious' ? 2 : 1) * dropRate;
  if (load > 0.9 + ROUNDING)
    throw new InputError(
      `colluding ${String(colludingRate)} and dropping ${String(dropRate)} leave too few honest sites; ` +
        `the rates${coordinator === 'malicious' ? ', the second one twice,' : ''} may add up to 0.9`,
    );
  return {
    population: siteCount,
    colluding: Math.floor((colludingRate + ROUNDING) * siteCount),
    surviving: Math.ceil((1 - dropRate - ROUNDING) * siteCount),
    dropped: Math.floor((dropRate + ROUNDING) * siteCount),
    factorials: logFactorials(siteCount),
  };
}

/**
 * Natural logarithm of a bound on the probability that the honest survivors fall apart: k/2 neighbours in a row have to be
 * missing at two places of the ring.
 */
function logDisconnected({ population, colluding, dropped, factorials }: Bounds, degree: number): number {
  const missing = colluding + dropped;
  if (degree > missing) return -Infinity;
  const places = Math.log(population) + Math.log(population - degree - 1) - Math.log(2);
  const log = (n: number): number => factorials[n] ?? 0;
  return places + log(missing) + log(population - degree) - log(population) - log(missing - degree);
}

/** The threshold for a degree, or undefined when none is both safe and reachable. */
function thresholdFor(
  bounds: Bounds,
  degree: number,
  coordinator: 'curious' | 'malicious',
): number | undefined {
  // The 2⁻⁴⁰ is split evenly over its two events.
  const securityBits = SECURITY_BITS + 1;
  if (logDisconnected(bounds, degree) >= -securityBits * Math.log(2)) return undefined;
  const { population, colluding, surviving, factorials } = bounds;
  const drawOf = (marked: number) => ({ population, marked, draws: degree, factorials });
  const against = upperQuantile(drawOf(colluding), 2 ** -securityBits / population);
  const reachable = lowerQuantile(drawOf(surviving), 2 ** -CORRECTNESS_BITS / population);
  // Two disjoint halves of the honest neighbours, each with all colluding ones, must not both reach it.
  const unsafe = coordinator === 'curious' ? against : Math.floor((against + degree) / 2);
  return unsafe < reachable ? Math.max(unsafe + 1, 2) : undefined;
}

/** The smallest degree that works and its threshold. @throws InputError where only the complete graph would do */
export function neighbourParameters(options: NeighbourOptions): NeighbourParameters {
  const bounds = boundsOf(options);
  for (let degree = 2; degree < options.siteCount - 1; degree += 2) {
    const threshold = thresholdFor(bounds, degree, options.coordinator);
    if (threshold !== undefined) return { degree, threshold };
  }
  throw new InputError(
    `among ${String(options.siteCount)} sites no number of neighbours withstands ${String(options.colludingRate)} colluding ` +
      `and ${String(options.dropRate)} dropping: lower the rates`,
  );
}

/**
 * Neighbours of each of `n` sites by index, ascending: those at most degree/2 steps away on a ring in random order.
 * @throws InvariantError unless the degree is even and below n
 */
export function hararyGraph(n: number, degree: number, order: Seed): readonly (readonly number[])[] {
  if (degree % 2 !== 0 || degree < 2 || degree >= n)
    throw new InvariantError(
      `a Harary graph of ${String(n)} has an even degree below that, not ${String(degree)}`,
    );
  const ring = createRng(order).shuffle(Uint32Array.from({ length: n }, (_, i) => i));
  const neighbours: number[][] = Array.from({ length: n }, () => []);
  ring.forEach((site, place) => {
    for (let step = 1; step <= degree / 2; step++) {
      const other = ring[(place + step) % n] ?? 0;
      neighbours[site]?.push(other);
      neighbours[other]?.push(site);
    }
  });
  return neighbours.map((list) => list.sort((a, b) => a - b));
}

/** Who shares and masks with whom. `advertisements`: H(U1); `sites`: the senders of U1, in any order. */
export function neighboursOf(
  sites: readonly SiteId[],
  degree: number,
  advertisements: Uint8Array,
): ReadonlyMap<SiteId, readonly SiteId[]> {
  const sorted = [...sites].sort();
  const graph = hararyGraph(sorted.length, degree, deriveSeed('secagg/neighbours', toHex(advertisements)));
  return new Map(
    sorted.map((site, index) => [site, (graph[index] ?? []).flatMap((neighbour) => sorted[neighbour] ?? [])]),
  );
}
