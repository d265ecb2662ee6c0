/** Bytes as text in a message's header. */
import { z } from 'zod';

/** Exactly `bytes` bytes as lower-case hexadecimal digits. */
export const hexOf = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${String(2 * bytes)}}$`), `expected ${String(bytes)} bytes as hex`);
