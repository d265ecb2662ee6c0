/** A round's worth of secrets for the benchmark of secure aggregation: made once, so that only the work is timed. */
import { randomBytes } from 'node:crypto';
import {
  agreementOf,
  agreementPublicKey,
  createAgreementKeyPair,
  type AgreementKeyPair,
} from '../../shared/crypto/agreement.ts';
import { siteIdSchema, type SiteId } from '../../shared/ids.ts';
import {
  maskSign,
  pairMaskSeed,
  selfMask,
  type LeftMasks,
  type SignedSeed,
} from '../../shared/secagg/masks.ts';
import { joinShares, splitSecret } from '../../shared/secagg/shares.ts';
import { thresholdOf } from '../../shared/secagg/threshold.ts';

export interface BenchSite {
  readonly id: SiteId;
  readonly keys: AgreementKeyPair;
  /** Secret of the own mask. */
  readonly b: Uint8Array;
}

export interface Scene {
  readonly context: Uint8Array;
  readonly advertisements: Uint8Array;
  readonly sites: readonly BenchSite[];
}

export const freshBytes = (length: number): Uint8Array => Uint8Array.from(randomBytes(length));

export function createScene(siteCount: number): Scene {
  const sites = Array.from({ length: siteCount }, (_, i) => ({
    id: siteIdSchema.parse(`site-${String(i).padStart(3, '0')}`),
    keys: createAgreementKeyPair(),
    b: freshBytes(32),
  }));
  return { context: freshBytes(64), advertisements: freshBytes(64), sites };
}

/** One of the two sides' work for all its pairs. */
function pairSeeds(scene: Scene, secretKey: Uint8Array, peers: readonly BenchSite[]): Uint8Array[] {
  const agree = agreementOf(secretKey);
  return peers.map(({ keys }) => pairMaskSeed(agree(keys.publicKey), scene.context, scene.advertisements));
}

/** What a site derives before it masks. */
export function siteMasks(scene: Scene, site: BenchSite): { self: Uint8Array; peers: SignedSeed[] } {
  const peers = scene.sites.filter((peer) => peer !== site);
  const seeds = pairSeeds(scene, site.keys.secretKey, peers);
  return {
    self: selfMask(site.b),
    peers: peers.map(({ id }, i) => ({ seed: seeds[i] ?? site.b, sign: maskSign(site.id, id) })),
  };
}

/** As many shares of each secret as the coordinator collects. */
export interface Revealed {
  readonly survivors: readonly (readonly Uint8Array[])[];
  readonly dropped: readonly (readonly Uint8Array[])[];
}

export async function reveal(scene: Scene, dropCount: number): Promise<Revealed> {
  const n = scene.sites.length;
  const threshold = thresholdOf(n);
  const sharesOf = async (secret: Uint8Array): Promise<Uint8Array[]> =>
    (await splitSecret(secret, n, threshold)).slice(dropCount);
  return {
    survivors: await Promise.all(scene.sites.slice(dropCount).map(({ b }) => sharesOf(b))),
    dropped: await Promise.all(scene.sites.slice(0, dropCount).map(({ keys }) => sharesOf(keys.secretKey))),
  };
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);

/** The coordinator's way from shares to the seeds of the masks that are left in the sum. */
export async function leftMasks(scene: Scene, { survivors, dropped }: Revealed): Promise<LeftMasks> {
  const threshold = thresholdOf(scene.sites.length);
  const alive = scene.sites.slice(dropped.length);
  const join = async (shares: readonly Uint8Array[], isRight: (secret: Uint8Array) => boolean) => {
    const secret = await joinShares(shares.slice(0, threshold));
    if (!isRight(secret)) throw new Error('the shares do not fit');
    return secret;
  };
  const selves: Uint8Array[] = [];
  for (const [i, shares] of survivors.entries())
    selves.push(selfMask(await join(shares, (b) => equal(b, alive[i]?.b ?? new Uint8Array(32)))));
  const pairs: SignedSeed[] = [];
  for (const [i, shares] of dropped.entries()) {
    const gone = scene.sites[i];
    if (!gone) continue;
    const secretKey = await join(shares, (key) => equal(agreementPublicKey(key), gone.keys.publicKey));
    pairSeeds(scene, secretKey, alive).forEach((seed, k) => {
      pairs.push({ seed, sign: maskSign(alive[k]?.id ?? gone.id, gone.id) });
    });
  }
  return { selves, pairs };
}
