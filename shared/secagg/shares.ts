/**
 * Shamir's secret sharing (Shamir 1979, CACM 22(11)) of 32-byte secrets over GF(2⁸): any t of n shares give the secret, fewer
 * give nothing. Splitting is the audited package's. Joining happens at the coordinator, for a hundred sites a hundred
 * times a round, and needs to find wrong shares: it is done here, in the same field.
 *
 * A share: 32 values ‖ the coordinate x, 1…255. Shares are not authenticated in themselves: what is joined has to be checked
 * against something public (a key, a commitment), which is what `joinVerified` does.
 */
import { split } from 'shamir-secret-sharing';
import { requireLength, wipe } from '../crypto/bytes.ts';
import { CryptoError } from '../crypto/crypto-error.ts';
import { InvariantError } from '../errors.ts';
import { lagrangeThrough, multiply } from './gf256.ts';
import { decodePolynomial, isOn } from './share-errors.ts';

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

/** The polynomials through shares with coordinates of their own: their 32 values at a coordinate of none of them; at 0 the secret. */
function polynomialsThrough(shares: readonly Uint8Array[]): (x: number) => Uint8Array {
  const weightsAt = lagrangeThrough(Uint8Array.from(shares, coordinateOf));
  return (x) => {
    const weights = weightsAt(x);
    const values = new Uint8Array(SECRET_BYTES);
    shares.forEach((share, index) => {
      const weight = weights[index] ?? 0;
      for (let i = 0; i < SECRET_BYTES; i++) values[i] = (values[i] ?? 0) ^ multiply(weight, share[i] ?? 0);
    });
    return values;
  };
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
  return Promise.resolve(polynomialsThrough(shares)(0));
}

export interface JoinedSecret {
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** Indices of the shares that are malformed or do not fit the secret. */
  readonly bad: readonly number[];
}

/** Subsets that are tried one by one: enough for every choice of 8 out of 13. */
const MAX_SUBSETS = 2000;

/**
 * The secret that `isRight` accepts, and who sent a wrong share. Wrong shares are found as long as `threshold` are right and
 * either all subsets of that size number at most 2000, or half of the surplus over the threshold covers them.
 * Undefined when no right secret comes out: too many wrong shares, or a dealer who shared something else.
 *
 * Several wrong shares can by chance (1 in 256 each byte) give the right secret; what they do not give is a polynomial that the
 * honest ones lie on. So where shares contradict each other, those that most agree with count as right.
 */
export function joinVerified(
  shares: readonly Uint8Array[],
  threshold: number,
  isRight: (secret: Uint8Array) => boolean,
): Promise<JoinedSecret | undefined> {
  const basis = rightBasis(shares.filter(isWellFormed), threshold, isRight);
  if (!basis) return Promise.resolve(undefined);
  const bad = shares.flatMap((share, index) => (isWellFormed(share) && basis.fits(share) ? [] : [index]));
  return Promise.resolve({ secret: basis.secret, bad });
}

/** As many shares as the threshold, which give a right secret. */
interface Basis {
  readonly secret: Uint8Array;
  /** Whether a share lies on the polynomials of the basis. */
  fits(share: Uint8Array): boolean;
}

type Check = (secret: Uint8Array) => boolean;

/** Undefined unless the shares give a right secret. */
function basisOf(shares: readonly Uint8Array[], threshold: number, isRight: Check): Basis | undefined {
  if (shares.length !== threshold || !haveOwnCoordinates(shares)) return undefined;
  const valuesAt = polynomialsThrough(shares);
  const secret = valuesAt(0);
  if (!isRight(secret)) {
    wipe(secret);
    return undefined;
  }
  const own = new Map(shares.map((share) => [coordinateOf(share), share]));
  return {
    secret,
    fits(share) {
      const x = coordinateOf(share);
      return (own.get(x) ?? valuesAt(x)).every((value, i) => value === share[i]);
    },
  };
}

function rightBasis(shares: readonly Uint8Array[], threshold: number, isRight: Check): Basis | undefined {
  const first = basisOf(shares.slice(0, threshold), threshold, isRight);
  if (first && shares.every((share) => first.fits(share))) return first;
  if (subsetCount(shares.length, threshold) <= MAX_SUBSETS) return bestSubset(shares, threshold, isRight);
  return decodedBasis(shares, threshold, isRight) ?? first;
}

/** The right subset with which most shares agree. */
function bestSubset(shares: readonly Uint8Array[], threshold: number, isRight: Check): Basis | undefined {
  let best: Basis | undefined;
  let mostFitting = 0;
  for (const subset of subsets(shares, threshold)) {
    const basis = basisOf(subset, threshold, isRight);
    if (!basis) continue;
    const fitting = shares.filter((share) => basis.fits(share)).length;
    if (fitting > mostFitting) [best, mostFitting] = [basis, fitting];
  }
  return best;
}

/** Drops the shares that are wrong in the first byte, then in the second, until those that are left agree. */
function decodedBasis(shares: readonly Uint8Array[], threshold: number, isRight: Check): Basis | undefined {
  let left = shares;
  for (let byte = 0; byte < SECRET_BYTES; byte++) {
    const pointOf = (share: Uint8Array) => ({ x: coordinateOf(share), y: share[byte] ?? 0 });
    const polynomial = decodePolynomial(left.map(pointOf), threshold);
    if (!polynomial) return undefined;
    left = left.filter((share) => isOn(polynomial, pointOf(share)));
    const basis = basisOf(left.slice(0, threshold), threshold, isRight);
    if (basis && left.every((share) => basis.fits(share))) return basis;
  }
  return undefined;
}

/** Binomial coefficient, or Infinity past the limit of interest. */
function subsetCount(n: number, k: number): number {
  let count = 1;
  for (let i = 1; i <= Math.min(k, n - k); i++) {
    count = (count * (n - i + 1)) / i;
    if (count > 1e9) return Infinity;
  }
  return count;
}

function* subsets<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  if (size === 0) yield [];
  const [head, ...tail] = items;
  if (head === undefined || items.length < size || size === 0) return;
  for (const rest of subsets(tail, size - 1)) yield [head, ...rest];
  yield* subsets(tail, size);
}
