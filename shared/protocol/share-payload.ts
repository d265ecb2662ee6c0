/**
 * The binary payloads of secure aggregation, of fixed lengths, so that a round with as many sites has messages of the
 * same size whatever they say. Bytes that are not exactly one such layout are refused.
 *
 * An entry goes from a dealer to one peer: nonce (24) ‖ secretbox (16 + 66: share of the mask key's secret, share of the
 * secret of the own mask) ‖ commitment to each of the two shares (2 × 32). A dealer's payload: the entries of its peers in
 * the order of their ids ‖ the commitments to its own two shares. The coordinator cannot open a box, but with the
 * dealer's commitments it sees of every share that is revealed whether it is the one that was dealt.
 */
import { concatBytes } from '../crypto/bytes.ts';
import { sha512 } from '../crypto/hash.ts';
import { SECRET_BOX_NONCE_BYTES, SECRET_BOX_OVERHEAD_BYTES } from '../crypto/secret-box.ts';
import type { SiteId } from '../ids.ts';
import { SHARE_BYTES } from '../secagg/shares.ts';

/** The two secrets of a site: of its mask key (revealed when it drops), and of its own mask (when it survives). */
export const SHARE_KINDS = ['mask-key', 'own-mask'] as const;
export type ShareKind = (typeof SHARE_KINDS)[number];

/** What one peer gets of one dealer. */
export type SharePair = Readonly<Record<ShareKind, Uint8Array>>;

const BOX_BYTES = SECRET_BOX_NONCE_BYTES + SECRET_BOX_OVERHEAD_BYTES + 2 * SHARE_BYTES;
const COMMITMENT_BYTES = 32;
export const SHARE_ENTRY_BYTES = BOX_BYTES + 2 * COMMITMENT_BYTES;

export interface ShareEntry {
  /** nonce ‖ secretbox */
  readonly box: Uint8Array;
  readonly commitments: SharePair;
}

const utf8 = new TextEncoder();

export interface CommitmentPlace {
  /** Of the members, 128 hexadecimal digits. */
  readonly binding: string;
  readonly dealer: SiteId;
  readonly holder: SiteId;
  readonly kind: ShareKind;
}

/** Hides a share, which has 256 random bits, and binds its dealer. 32 bytes. */
export function commitToShare(
  share: Uint8Array,
  { binding, dealer, holder, kind }: CommitmentPlace,
): Uint8Array {
  const place = utf8.encode(`consilium/secagg/share-commitment\n${binding}\n${dealer}\n${holder}\n${kind}\n`);
  return sha512(place, share).subarray(0, COMMITMENT_BYTES);
}

export function encodeSharePair(pair: SharePair): Uint8Array {
  return concatBytes(pair['mask-key'], pair['own-mask']);
}

/** Undefined for another length. */
export function decodeSharePair(bytes: Uint8Array): SharePair | undefined {
  if (bytes.length !== 2 * SHARE_BYTES) return undefined;
  return { 'mask-key': bytes.slice(0, SHARE_BYTES), 'own-mask': bytes.slice(SHARE_BYTES) };
}

const encodeEntry = ({ box, commitments }: ShareEntry): Uint8Array =>
  concatBytes(box, commitments['mask-key'], commitments['own-mask']);

function decodeCommitments(bytes: Uint8Array): SharePair {
  return { 'mask-key': bytes.subarray(0, COMMITMENT_BYTES), 'own-mask': bytes.subarray(COMMITMENT_BYTES) };
}

function decodeEntry(bytes: Uint8Array): ShareEntry {
  return { box: bytes.subarray(0, BOX_BYTES), commitments: decodeCommitments(bytes.subarray(BOX_BYTES)) };
}

export interface DealtShares {
  /** In the order of the peers' ids. */
  readonly entries: readonly ShareEntry[];
  /** To the dealer's own shares. */
  readonly own: SharePair;
}

export const dealtBytes = (peerCount: number): number => peerCount * SHARE_ENTRY_BYTES + 2 * COMMITMENT_BYTES;

export function encodeDealt({ entries, own }: DealtShares): Uint8Array {
  return concatBytes(...entries.map(encodeEntry), own['mask-key'], own['own-mask']);
}

/** Undefined for another length. */
export function decodeDealt(bytes: Uint8Array, peerCount: number): DealtShares | undefined {
  if (bytes.length !== dealtBytes(peerCount)) return undefined;
  const end = peerCount * SHARE_ENTRY_BYTES;
  return { entries: splitEntries(bytes.subarray(0, end)), own: decodeCommitments(bytes.subarray(end)) };
}

/** What has been dealt to one peer, without looking at the others. Undefined for another length, or no such peer. */
export function dealtEntry(bytes: Uint8Array, peerCount: number, index: number): ShareEntry | undefined {
  if (bytes.length !== dealtBytes(peerCount) || index < 0 || index >= peerCount) return undefined;
  return decodeEntry(bytes.subarray(index * SHARE_ENTRY_BYTES, (index + 1) * SHARE_ENTRY_BYTES));
}

/** Commitments to the dealer's own shares. Undefined for another length. */
export function dealtOwn(bytes: Uint8Array, peerCount: number): SharePair | undefined {
  if (bytes.length !== dealtBytes(peerCount)) return undefined;
  return decodeCommitments(bytes.subarray(peerCount * SHARE_ENTRY_BYTES));
}

/** What a site is relayed: the entries of its dealers in the order of their ids. */
export function encodeRelayed(entries: readonly ShareEntry[]): Uint8Array {
  return concatBytes(...entries.map(encodeEntry));
}

/** Undefined for another length. */
export function decodeRelayed(bytes: Uint8Array, dealerCount: number): readonly ShareEntry[] | undefined {
  return bytes.length === dealerCount * SHARE_ENTRY_BYTES ? splitEntries(bytes) : undefined;
}

function splitEntries(bytes: Uint8Array): ShareEntry[] {
  return Array.from({ length: bytes.length / SHARE_ENTRY_BYTES }, (_, i) =>
    decodeEntry(bytes.subarray(i * SHARE_ENTRY_BYTES, (i + 1) * SHARE_ENTRY_BYTES)),
  );
}

/**
 * What takes the masks off: of each dealer in the order of ids one share or none, never both. A survivor's share of its
 * own mask, the share of the mask key of a site that has dropped: which of the two follows from who survived, and there
 * is no way to write the other one.
 */
const REVEALED_BYTES = 1 + SHARE_BYTES;

export const revealedBytes = (dealerCount: number): number => dealerCount * REVEALED_BYTES;

/** `undefined`: the site has none that fits its dealer's commitment. */
export function encodeRevealed(shares: readonly (Uint8Array | undefined)[]): Uint8Array {
  const out = new Uint8Array(revealedBytes(shares.length));
  shares.forEach((share, i) => {
    if (!share) return;
    out[i * REVEALED_BYTES] = 1;
    out.set(share, i * REVEALED_BYTES + 1);
  });
  return out;
}

/** Undefined for bytes that `encodeRevealed` does not write. */
export function decodeRevealed(
  bytes: Uint8Array,
  dealerCount: number,
): readonly (Uint8Array | undefined)[] | undefined {
  if (bytes.length !== revealedBytes(dealerCount)) return undefined;
  const places = Array.from({ length: dealerCount }, (_, i) =>
    bytes.subarray(i * REVEALED_BYTES, (i + 1) * REVEALED_BYTES),
  );
  const isCanonical = places.every(([there = 0, ...share]) =>
    there === 0 ? share.every((byte) => byte === 0) : there === 1,
  );
  return isCanonical ? places.map((place) => (place[0] === 1 ? place.subarray(1) : undefined)) : undefined;
}
