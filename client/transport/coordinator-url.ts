/** Where a coordinator may be: what goes there must be readable for it alone. */
import { InputError } from '../../shared/errors.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

export const URL_FAULT =
  'expected https://…: over plain http:// anyone on the way can read and change what is said; http:// is for a coordinator on this machine alone';

/** https, or http that does not leave this machine. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
}

/** @throws InputError for an address at which somebody on the way could listen */
export function requireSafeUrl(text: string): void {
  if (!isSafeUrl(text))
    throw new InputError(`the coordinator's address ${text} cannot be used: ${URL_FAULT}`);
}
