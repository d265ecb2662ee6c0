/**
 * Passwords as scrypt hashes (RFC 7914) with a salt each, written as PHC strings. N = 2¹⁷, r = 8, p = 1 is the strongest
 * of the settings in the OWASP Password Storage Cheat Sheet ("scrypt"); one hash takes 128 MiB, so that few run at once.
 */
import { scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { secureRandom } from '../../shared/crypto/random.ts';
import { ConsiliumError, InputError } from '../../shared/errors.ts';

export interface PasswordCost {
  /** Logarithm of N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}
const DEFAULT_COST: PasswordCost = { ln: 17, r: 8, p: 1 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** NIST SP 800-63B §5.1.1: length is what counts, and long ones must be possible. */
const MIN_PASSWORD_CHARS = 12;
export const MAX_PASSWORD_CHARS = 256;
/** Each takes 128 MiB. */
const MAX_AT_ONCE = 2;
/** Whoever comes when so many wait is told to come back. */
const MAX_WAITING = 16;

/** More passwords are being checked than this machine has memory for. */
export class PasswordsBusyError extends ConsiliumError {
  readonly code = 'BUSY';
}

const HASH = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replaceAll('=', '');

/** @throws InputError when the password is too short or too long */
function checkPassword(password: string): void {
  const { length } = Array.from(password);
  if (length < MIN_PASSWORD_CHARS || length > MAX_PASSWORD_CHARS)
    throw new InputError(
      `a password has ${String(MIN_PASSWORD_CHARS)} to ${String(MAX_PASSWORD_CHARS)} characters`,
    );
}

/** Makes and checks password hashes, a few at a time. */
export class Passwords {
  readonly #cost: PasswordCost;
  /** The hash that nobody's password has: checking against it takes as long as against a real one. */
  readonly #nobody: string;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(cost: PasswordCost = DEFAULT_COST) {
    this.#cost = cost;
    this.#nobody = this.#write(secureRandom(SALT_BYTES), secureRandom(HASH_BYTES));
  }

  /** @throws InputError for a password that is too short or too long; PasswordsBusyError */
  async hash(password: string): Promise<string> {
    checkPassword(password);
    const salt = secureRandom(SALT_BYTES);
    return this.#write(salt, await this.#derive(password, salt, this.#cost));
  }

  /** @param encoded undefined for an unknown user: takes the same time and is false. @throws PasswordsBusyError */
  async verify(password: string, encoded: string | undefined): Promise<boolean> {
    const [, ln, r, p, salt = '', hash = ''] = HASH.exec(encoded ?? this.#nobody) ?? [];
    if (ln === undefined) throw new InputError('a password hash in the database is damaged: set it anew');
    const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
    const derived = await this.#derive(password, Buffer.from(salt, 'base64'), cost);
    return timingSafeEqual(derived, Buffer.from(hash, 'base64')) && encoded !== undefined;
  }

  #write(salt: Uint8Array, hash: Uint8Array): string {
    const { ln, r, p } = this.#cost;
    return `$scrypt$ln=${String(ln)},r=${String(r)},p=${String(p)}$${unpadded(salt)}$${unpadded(hash)}`;
  }

  async #derive(password: string, salt: Uint8Array, cost: PasswordCost): Promise<Uint8Array> {
    await this.#enter();
    try {
      return await deriveKey(password, salt, cost);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running >= MAX_AT_ONCE) {
      if (this.#waiting.length >= MAX_WAITING) throw new PasswordsBusyError('too many logins at once');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
  }
}

function deriveKey(password: string, salt: Uint8Array, { ln, r, p }: PasswordCost): Promise<Uint8Array> {
  const N = 2 ** ln;
  // What scrypt needs is 128·N·r bytes and a little; Node refuses it above `maxmem`.
  const options: ScryptOptions = { N, r, p, maxmem: 2 * 128 * N * r };
  return new Promise((resolve, reject) => {
    // Composed characters: the same password from another keyboard has the same bytes.
    scrypt(password.normalize('NFKC'), salt, HASH_BYTES, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}
