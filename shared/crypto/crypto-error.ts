import { ConsiliumError } from '../errors.ts';

/** A key, point or signature of the wrong form. The message never holds key material. */
export class CryptoError extends ConsiliumError {
  readonly code = 'CRYPTO';
}
