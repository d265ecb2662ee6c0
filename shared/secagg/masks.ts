/**
 * Masks of the sum (Bonawitz et al. 2017, CCS, §4): a site adds PRG(b) of its own secret b and ± PRG(k) of a secret with each
 * peer, plus where its id is the smaller one. In the sum of all the masks of pairs cancel; the coordinator takes off
 * the sites' own masks, and the masks between survivors and the dropped, whose seeds it reconstructs from shares.
 *
 * The seed of a pair is bound to the round's context, and that to the model (Pasquini et al. 2022): sites that were given
 * different models have masks that do not cancel.
 */
import { concatBytes, requireLength, wipe } from '../crypto/bytes.ts';
import { hkdf } from '../crypto/hkdf.ts';
import { MASK_PIECE_BYTES, MASK_SEED_BYTES, maskStream, type MaskStream } from '../crypto/mask-stream.ts';
import type { SiteId } from '../ids.ts';
import { addBytesAt, type RingVector } from './ring.ts';

const utf8 = new TextEncoder();
const SELF = utf8.encode('consilium/secagg/self-mask\n');
const PAIR = utf8.encode('consilium/secagg/mask\n');

/** A mask: the seed of its stream and whether it is added or taken off. */
export interface SignedSeed {
  /** 32 bytes. */
  readonly seed: Uint8Array;
  readonly sign: 1 | -1;
}

/** The seed of a site's own mask, from its secret b (32 fresh random bytes a round and attempt). 32 bytes. */
export function selfMask(b: Uint8Array): Uint8Array {
  requireLength(b, MASK_SEED_BYTES, 'secret of the own mask');
  return hkdf(b, SELF, MASK_SEED_BYTES);
}

/**
 * The seed of the mask between two sites, the same on both sides. 32 bytes.
 * `context` and `advertisements`: 64 bytes each, as `secaggContext` and `advertisementsHash` give them.
 */
export function pairMaskSeed(
  sharedSecret: Uint8Array,
  context: Uint8Array,
  advertisements: Uint8Array,
): Uint8Array {
  requireLength(context, 64, 'context');
  requireLength(advertisements, 64, 'hash of the advertisements');
  return hkdf(sharedSecret, concatBytes(PAIR, context, advertisements), MASK_SEED_BYTES);
}

/** The sign with which `self` adds its mask with `peer`: opposite on both sides. Ids are compared by code units. */
export function maskSign(self: SiteId, peer: SiteId): 1 | -1 {
  return self < peer ? 1 : -1;
}

/** What a site adds to its vector. */
export interface SiteMasks {
  /** `selfMask` of its b. */
  readonly self: Uint8Array;
  readonly peers: readonly SignedSeed[];
}

/** Masks a site's vector, in place. */
export function applyMasks(target: RingVector, masks: SiteMasks): void {
  addMasks(target, [{ seed: masks.self, sign: 1 }, ...masks.peers]);
}

/** What is left in the sum of the survivors' vectors. */
export interface LeftMasks {
  /** `selfMask` of each survivor's b. */
  readonly selves: readonly Uint8Array[];
  /** Of every survivor with every dropped site whose advertisement was in use; the sign is the survivor's. */
  readonly pairs: readonly SignedSeed[];
}

/** The masks to add to the sum in order to unmask it. */
export function unmaskingSeeds({ selves, pairs }: LeftMasks): SignedSeed[] {
  const own = selves.map((seed): SignedSeed => ({ seed, sign: -1 }));
  return [...own, ...pairs.map(({ seed, sign }): SignedSeed => ({ seed, sign: sign === 1 ? -1 : 1 }))];
}

/** Unmasks the sum of the survivors' vectors, in place, in this thread; `sumOfMasks` is the same in several. */
export function removeMasks(target: RingVector, left: LeftMasks): void {
  addMasks(target, unmaskingSeeds(left));
}

/** Streams open at a time: their states stay in the cache beside the piece of the vector. */
const STREAMS_AT_A_TIME = 32;

/**
 * Adds the streams of all seeds to the target, which holds the elements from byte `start` (a multiple of 16) of the whole
 * vector on. Piece by piece, so that a piece is read from memory once for many masks.
 */
export function addMasks(target: RingVector, masks: readonly SignedSeed[], start = 0): void {
  for (let first = 0; first < masks.length; first += STREAMS_AT_A_TIME) {
    const group = masks
      .slice(first, first + STREAMS_AT_A_TIME)
      .map(({ seed, sign }) => ({ stream: maskStream(seed, start), sign }));
    addStreams(target, group);
  }
}

function addStreams(
  target: RingVector,
  group: readonly { readonly stream: MaskStream; readonly sign: 1 | -1 }[],
): void {
  const width = target.BYTES_PER_ELEMENT;
  for (let byte = 0; byte < target.byteLength; byte += MASK_PIECE_BYTES) {
    const length = Math.min(MASK_PIECE_BYTES, target.byteLength - byte);
    for (const { stream, sign } of group) addBytesAt(target, byte / width, stream.next(length), sign);
  }
}

/** Overwrites the seeds. */
export function wipeSeeds(masks: readonly SignedSeed[]): void {
  wipe(...masks.map(({ seed }) => seed));
}
