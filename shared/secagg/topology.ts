/**
 * Who shares and masks with whom. Up to 255 sites everyone does with everyone (Bonawitz et al. 2017); above that each with
 * neighbours on a random graph (Bell et al. 2020), because a share's coordinate is one byte and costs would grow with
 * the square of the cohort.
 */
import { InvariantError } from '../errors.ts';
import type { SiteId } from '../ids.ts';
import { neighbourParameters, neighboursOf } from './neighbours.ts';
import { MAX_COMPLETE_COHORT } from './threshold.ts';

/**
 * What the graph of a large cohort is computed for. 'curious' suffices for the threshold of shares: that all sites are
 * told of the same survivors is what the signatures of the consistency phase show, two thirds of the whole cohort.
 */
const COLLUDING_RATE = 0.2;
const DROP_RATE = 0.2;

export interface Topology {
  /** All who advertised, sorted. */
  readonly sites: readonly SiteId[];
  /** Shares that reconstruct a secret. */
  readonly shareThreshold: number;
  /** Sorted, without the site itself. @throws InvariantError for a site that did not advertise */
  peersOf(site: SiteId): readonly SiteId[];
}

export interface TopologyInput {
  /** Who advertised. */
  readonly sites: Iterable<SiteId>;
  /** Of the round. */
  readonly threshold: number;
  /** `advertisementsHash`: the graph is nobody's choice. */
  readonly advertisements: Uint8Array;
}

export function topologyOf({ sites, threshold, advertisements }: TopologyInput): Topology {
  const sorted = [...sites].sort();
  if (sorted.length <= MAX_COMPLETE_COHORT) {
    const known = new Set(sorted);
    return {
      sites: sorted,
      shareThreshold: threshold,
      peersOf: (site) => {
        if (!known.has(site)) throw strangerError(site);
        return sorted.filter((other) => other !== site);
      },
    };
  }
  const { degree, threshold: shareThreshold } = neighbourParameters({
    siteCount: sorted.length,
    colludingRate: COLLUDING_RATE,
    dropRate: DROP_RATE,
    coordinator: 'curious',
  });
  const graph = neighboursOf(sorted, degree, advertisements);
  return {
    sites: sorted,
    shareThreshold,
    peersOf: (site) => {
      const peers = graph.get(site);
      if (!peers) throw strangerError(site);
      return peers;
    },
  };
}

const strangerError = (site: SiteId): InvariantError =>
  new InvariantError(`${site} has not advertised and has no peers`);
