/**
 * Shamir's secret sharing (Shamir 1979, CACM 22(11)) of 32-byte secrets over GF(2⁸): any t of n shares give the secret, fewer
 * give nothing. Splitting is the audited package's. Joining happens at the coordinator, for a hundred sites a hundred
 * times a round: it is done here, in the same field and many times faster.
 *
 * A share: 32 values ‖ the coordinate x, 1…255. Shares are not authenticated in themselves: what is joined has to be checked
 * against something public (a key, a commitment), and each share against its dealer's word for it.
 */
import { split } from 'shamir-secret-sharing';
import { requireLength, wipe } from '../crypto/bytes.ts';
import { CryptoError } from '../crypto/crypto-error.ts';
import { InvariantError } from '../errors.ts';
import { lagrangeAtZero, multiply } from './gf256.ts';

export const SECRET_BYTES = 32;
export const SHARE_BYTES = SECRET_BYTES + 1;

/** `n` shares, any `threshold` of which give the secret. n in 2…255, threshold in 2…n. @throws CryptoError, InvariantError */
export async function splitSecret(secret: Uint8Array, n: number, threshold: number): Promise<Uint8Array[]> {
  requireLength(secret, SECRET_BYTES, 'secret to share');
  if (!Number.isInteger(n) || !Number.isInteger(threshold) || n > 255 || threshold < 2 || threshold > n)
    throw new InvariantError(`${String(threshold)} of ${String(n)} is no threshold for shares`);
  // The package takes no Buffer.
  const copy = Uint8Array.from(secret);
  const shares = await split(copy, n, threshold);
  wipe(copy);
  return shares;
}

const coordinateOf = (share: Uint8Array): number => share[SECRET_BYTES] ?? 0;

/** The value at 0 of the polynomials through shares with coordinates of their own. */
function valueAtZero(shares: readonly Uint8Array[]): Uint8Array {
  const weights = lagrangeAtZero(Uint8Array.from(shares, coordinateOf));
  const values = new Uint8Array(SECRET_BYTES);
  shares.forEach((share, index) => {
    const weight = weights[index] ?? 0;
    for (let i = 0; i < SECRET_BYTES; i++) values[i] = (values[i] ?? 0) ^ multiply(weight, share[i] ?? 0);
  });
  return values;
}

const isWellFormed = (share: Uint8Array): boolean =>
  share.length === SHARE_BYTES && coordinateOf(share) !== 0;

const haveOwnCoordinates = (shares: readonly Uint8Array[]): boolean =>
  new Set(shares.map(coordinateOf)).size === shares.length;

/** The secret of shares that are known to be right; wrong ones give a wrong secret. @throws CryptoError for malformed or repeated shares */
export function joinShares(shares: readonly Uint8Array[]): Promise<Uint8Array> {
  if (shares.length < 2 || !shares.every(isWellFormed) || !haveOwnCoordinates(shares))
    return Promise.reject(
      new CryptoError('joining takes two or more shares of 33 bytes with coordinates of their own'),
    );
  return Promise.resolve(valueAtZero(shares));
}
