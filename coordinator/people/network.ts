/**
 * Of whom an address is. An IPv6 customer has at least a /64 (RFC 6177), and with it more addresses than could ever be
 * counted one by one.
 */
import { isIPv4, isIPv6 } from 'node:net';

const GROUPS = 8;
const GROUPS_OF_NETWORK = 4;

/** The eight groups, as hexadecimal numbers without leading zeros. */
function groupsOf(address: string): readonly string[] {
  // The WHATWG URL form writes the same address always in the same way, an IPv4 address at its end as two groups.
  const { hostname } = new URL(`http://[${address}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before;
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: GROUPS - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after];
}

/** An IPv4 address, also as `::ffff:a.b.c.d`; the /64 of an IPv6 address; anything else as it is. */
export function networkOf(address: string): string {
  const [bare = ''] = address.split('%');
  if (!isIPv6(bare)) return address;
  const [, embedded = ''] = /^::ffff:([\d.]+)$/i.exec(bare) ?? [];
  if (isIPv4(embedded)) return embedded;
  return `${groupsOf(bare).slice(0, GROUPS_OF_NETWORK).join(':')}::/64`;
}
