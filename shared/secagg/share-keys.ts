/** The keys under which shares travel between two sites, and the commitment to the secret of the own mask. */
import { concatBytes, requireLength } from '../crypto/bytes.ts';
import { sha512 } from '../crypto/hash.ts';
import { hkdf } from '../crypto/hkdf.ts';
import { SECRET_BOX_KEY_BYTES } from '../crypto/secret-box.ts';
import type { SiteId } from '../ids.ts';

const utf8 = new TextEncoder();

export interface ShareRoute {
  /** `secaggContext`, 64 bytes. */
  readonly context: Uint8Array;
  /** `advertisementsHash`, 64 bytes. */
  readonly advertisements: Uint8Array;
  readonly source: SiteId;
  readonly destination: SiteId;
}

/** The key of the one secret box from source to destination, from X25519 of the two channel keys. 32 bytes. */
export function shareBoxKey(sharedSecret: Uint8Array, route: ShareRoute): Uint8Array {
  requireLength(route.context, 64, 'context');
  requireLength(route.advertisements, 64, 'hash of the advertisements');
  // Site ids hold no line breaks: the two cannot be cut differently.
  const ids = utf8.encode(`${route.source}\n${route.destination}`);
  const info = concatBytes(utf8.encode('consilium/secagg/share\n'), route.context, route.advertisements, ids);
  return hkdf(sharedSecret, info, SECRET_BOX_KEY_BYTES);
}

/** H(b), 64 bytes: hides b, which has 256 random bits, and binds the site to it. */
export function selfMaskCommitment(b: Uint8Array, siteId: SiteId): Uint8Array {
  requireLength(b, 32, 'secret of the own mask');
  return sha512(utf8.encode(`consilium/secagg/commitment\n${siteId}\n`), b);
}
