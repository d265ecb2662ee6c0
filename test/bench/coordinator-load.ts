/**
 * The load that `bench:coordinator` puts on a coordinator: who the sites are, what they are asked to train, and what is
 * measured. The coordinator and its sites are two processes that make the same things of the same numbers.
 */
import { identityFromSeed, type Identity } from '../../shared/crypto/identity.ts';
import { sha512 } from '../../shared/crypto/hash.ts';
import { siteIdSchema, type SiteId } from '../../shared/ids.ts';
import { architectureSchema, buildModel } from '../../shared/learning/architectures/architecture.ts';
import { manifestOf } from '../../shared/learning/weights.ts';
import { planSchema, type Plan } from '../../shared/protocol/plan.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol/version.ts';

export const LOAD_MODES = ['box', 'secure-aggregation'] as const;
export type LoadMode = (typeof LOAD_MODES)[number];

export interface Load {
  readonly siteCount: number;
  readonly rounds: number;
  readonly mode: LoadMode;
}

/** What the sites are told beside the load. */
export interface LoadPlace {
  readonly url: string;
  readonly federationId: string;
  /** Hexadecimal. */
  readonly coordinatorKey: string;
}

/** Of the coordinator's process. */
export interface LoadFigures {
  readonly parameterCount: number;
  /** From one published round to the next. */
  readonly roundMs: readonly number[];
  /** CPU time of all threads in each of these rounds. */
  readonly roundCpuMs: readonly number[];
  /** Largest resident memory of the process, and before any site was there. */
  readonly peakMb: number;
  readonly idleMb: number;
  /** Longest time in which the process answered nobody, while rounds went on. */
  readonly longestStallMs: number;
  /** Sites that were left out of a round, and connections that were lost or closed. */
  readonly droppedCount: number;
  readonly lostCount: number;
}

/** 32 maps of 14 × 14 into 16: 100,352 weights, and 5,000 of the convolutions. */
const ARCHITECTURE = architectureSchema.parse({
  name: 'cnn',
  options: { filters: [16, 32], dense: 16, normalization: 'none' },
});
const IMAGE_DIMS: [number, number, number] = [1, 28, 28];
const CLASS_NAMES = ['left', 'right'];
/** All sites compute on one core: no deadline may be what is measured. */
const NEVER_MS = 3_600_000;

export function loadPlan({ siteCount, rounds, mode }: Load): Plan {
  const parameterCount = manifestOf(buildModel(ARCHITECTURE, IMAGE_DIMS, CLASS_NAMES.length)).length;
  return planSchema.parse({
    protocolVersion: PROTOCOL_VERSION,
    task: { name: 'load', classNames: CLASS_NAMES, imageDims: IMAGE_DIMS },
    preprocessing: {},
    architecture: ARCHITECTURE,
    parameterCount,
    training: { epochs: 1 },
    federation: {
      ...{ strategy: 'fedavg', rounds, minimumCohort: siteCount, minimumSurvivors: siteCount },
      deadlinesMs: { selecting: NEVER_MS, advertising: NEVER_MS, training: NEVER_MS, quiet: NEVER_MS },
    },
    protection: { mode },
    evaluation: {},
    seed: 1,
  });
}

export interface LoadSite {
  readonly siteId: SiteId;
  readonly identity: Identity;
}

export function loadSites(siteCount: number): readonly LoadSite[] {
  return Array.from({ length: siteCount }, (_, i) => {
    const name = `site-${String(i + 1).padStart(4, '0')}`;
    const seed = sha512(new TextEncoder().encode(`bench:coordinator ${name}`)).slice(0, 32);
    return { siteId: siteIdSchema.parse(name), identity: identityFromSeed(seed) };
  });
}
