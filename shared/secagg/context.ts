/**
 * What a round of secure aggregation is about, as one hash that is bound into every signature, mask and share: whatever the
 * coordinator says differently to two sites gives them different contexts, and nothing of theirs fits together. The
 * model is part of it (Pasquini et al. 2022, "Eluding Secure Aggregation in Federated Learning", CCS, §6).
 *
 * Each hash is SHA-512 over a line that names its purpose and the canonical JSON of its fields.
 */
import { sha512 } from '../crypto/hash.ts';
import { toHex } from '../crypto/bytes.ts';
import { InvariantError } from '../errors.ts';
import type { ModelHash, PlanHash, RunId, SiteId } from '../ids.ts';
import { canonicalJson } from '../protocol/canonical.ts';
import type { RingBits } from './ring.ts';

const utf8 = new TextEncoder();

type Purpose = 'context' | 'advertisements' | 'transcript';

function domainHash(purpose: Purpose, fields: object): Uint8Array {
  return sha512(utf8.encode(`consilium/secagg/1/${purpose}\n${canonicalJson(fields)}`));
}

export interface RoundContext {
  readonly federationId: string;
  readonly runId: RunId;
  /** 0 or more. */
  readonly round: number;
  /** 0 or more; a round that was given up before unmasking may be tried again. */
  readonly attempt: number;
  readonly modelHash: ModelHash;
  readonly planHash: PlanHash;
  /** 128 hexadecimal digits. */
  readonly rosterHash: string;
  /** In any order, each once; its size is K. */
  readonly cohort: readonly SiteId[];
  /** t. */
  readonly threshold: number;
  readonly ringBits: RingBits;
  /** Elements of the masked vector, d. */
  readonly vectorLength: number;
  readonly clipL2Norm: number;
  /** Steps per unit of the quantiser. */
  readonly quantiserScale: number;
  /** Parameters of differential privacy, null without it. Must have a canonical form. */
  readonly privacy: object | null;
  /** 128 hexadecimal digits; of the run's first round: empty. */
  readonly previousTranscriptHash: string;
  /** Examples of each class in the federation, where training depends on them. */
  readonly classCounts?: readonly number[];
  /** Of a repeated round: SHA-512 of what it is repeated for, 128 hexadecimal digits. */
  readonly repair?: string;
}

/** @throws InvariantError when an id stands twice */
function sortedIds(ids: readonly SiteId[], what: string): SiteId[] {
  if (new Set(ids).size !== ids.length) throw new InvariantError(`${what} names a site twice`);
  return [...ids].sort();
}

/** 64 bytes. @throws InvariantError when the cohort names a site twice or a field has no canonical form */
export function secaggContext(context: RoundContext): Uint8Array {
  const cohort = sortedIds(context.cohort, 'the cohort');
  return domainHash('context', { ...context, cohort, cohortSize: cohort.length });
}

/** What a site says of its keys at the start of a round. Its signature is left out: a signer can make many of one message. */
export interface AdvertisedKeys {
  readonly siteId: SiteId;
  /** c_pk, 64 hexadecimal digits. */
  readonly channelKey: string;
  /** s_pk, 64 hexadecimal digits. */
  readonly maskKey: string;
  /** `selfMaskCommitment`, 128 hexadecimal digits. */
  readonly commitment: string;
}

/** H(U1), 64 bytes, whatever the order. @throws InvariantError when a site stands twice */
export function advertisementsHash(advertisements: readonly AdvertisedKeys[]): Uint8Array {
  sortedIds(
    advertisements.map(({ siteId }) => siteId),
    'the list of advertisements',
  );
  const entries = advertisements
    .map(({ siteId, channelKey, maskKey, commitment }) => ({ siteId, channelKey, maskKey, commitment }))
    .sort((a, b) => (a.siteId < b.siteId ? -1 : 1));
  return domainHash('advertisements', { entries });
}

export interface RoundTranscript {
  /** `secaggContext` */
  readonly context: Uint8Array;
  /** `advertisementsHash` */
  readonly advertisements: Uint8Array;
  /** U2: the sites whose shares were delivered. */
  readonly sharers: readonly SiteId[];
  /** U3: the sites whose vectors are in the sum. */
  readonly survivors: readonly SiteId[];
  /** SHA-512 of the unmasked sum, little-endian. */
  readonly sumDigest: Uint8Array;
}

/** 64 bytes; goes into the next round's context. @throws InvariantError when a list names a site twice */
export function transcriptHash(transcript: RoundTranscript): Uint8Array {
  return domainHash('transcript', {
    context: toHex(transcript.context),
    advertisements: toHex(transcript.advertisements),
    sharers: sortedIds(transcript.sharers, 'the list of sharers'),
    survivors: sortedIds(transcript.survivors, 'the list of survivors'),
    sumDigest: toHex(transcript.sumDigest),
  });
}
