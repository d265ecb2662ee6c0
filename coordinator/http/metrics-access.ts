/**
 * Who may read the counters: programs on this machine, or whoever shows the token. Behind a proxy every request comes
 * from this machine, so that the token alone counts there.
 */
import { timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { sha512 } from '../../shared/crypto/hash.ts';

interface MetricsRequest {
  readonly headers: { readonly authorization?: string | undefined };
  readonly socket: { readonly remoteAddress?: string | undefined };
}

function isLoopback(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

const digestOf = (text: string): Uint8Array => sha512(new TextEncoder().encode(text));

/** @param token undefined: none is set, and nobody can have it */
export function mayReadMetrics(
  { headers, socket }: MetricsRequest,
  token: string | undefined,
  isBehindProxy: boolean,
): boolean {
  if (!isBehindProxy && isLoopback(socket.remoteAddress ?? '')) return true;
  if (token === undefined) return false;
  return timingSafeEqual(digestOf(headers.authorization ?? ''), digestOf(`Bearer ${token}`));
}
