/**
 * How a message with a large payload crosses the wire: an offer with its header, chunks of its payload from the offset
 * that the receiver names, and the receiver's word after each. These are frames between the two transports; a message
 * reaches round or session only when it is whole.
 */
import { z } from 'zod';
import { sha512Hex } from '../crypto/hash.ts';
import { MAX_HEADER_CHARS, type Frame } from './codec.ts';

/**
 * Small enough to repeat after a lost connection, and that at 64 kB/s something arrives every 4 s; large enough that its
 * header is nothing.
 */
export const DEFAULT_CHUNK_BYTES = 256 * 1024;
export const MAX_CHUNK_BYTES = 512 * 1024;

export const transferRefusalSchema = z.enum([
  /** The offer or the chunk does not follow the schema. */
  'malformed',
  /** The offered payload is longer, or shorter, than the plan says. */
  'too-long',
  'too-short',
  /** One frame holds more than a chunk may. */
  'chunk-too-large',
  /** See `ChunkRefusal`. */
  'wrong-offset',
  'overlap',
  'too-many-bytes',
  'empty-chunk',
]);
export type TransferRefusal = z.infer<typeof transferRefusalSchema>;

/** Names one message between one sender and one receiver; the same after a lost connection. */
const transferIdSchema = z.string().regex(/^[0-9a-f]{64}$/, 'expected 32 bytes as hex');
const byteCount = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

export const transferMessageSchema = z.discriminatedUnion('type', [
  /** Sender: a message with a payload of so many bytes is there. */
  z.strictObject({
    type: z.literal('transfer-offer'),
    transfer: transferIdSchema,
    totalBytes: byteCount.min(1),
    /** Of the frame that the whole is. */
    header: z.string().max(MAX_HEADER_CHARS),
  }),
  z.strictObject({
    type: z.literal('transfer-chunk'),
    transfer: transferIdSchema,
    offset: byteCount,
    payload: z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes'),
  }),
  /** Receiver: everything before `nextOffset` is there; answers the offer and every chunk. */
  z.strictObject({
    type: z.literal('transfer-progress'),
    transfer: transferIdSchema,
    nextOffset: byteCount,
  }),
  /** Receiver: the transfer has ended without its message. */
  z.strictObject({
    type: z.literal('transfer-refused'),
    transfer: transferIdSchema,
    reason: transferRefusalSchema,
  }),
]);
export type TransferMessage = z.infer<typeof transferMessageSchema>;

/** How the header of such a frame begins; `encodeTransfer` writes the type first. */
const TRANSFER_PREFIX = '{"type":"transfer-';

export function isTransferFrame({ header }: Frame): boolean {
  return header.startsWith(TRANSFER_PREFIX);
}

export function encodeTransfer(message: TransferMessage): Frame {
  if (message.type !== 'transfer-chunk') return { header: JSON.stringify(message) };
  const { payload, ...header } = message;
  return { header: JSON.stringify(header), payload };
}

/** Undefined for untrusted bytes that do not follow the schema. */
export function decodeTransfer({ header, payload }: Frame): TransferMessage | undefined {
  // An offer holds another header as a text, in which every character may be escaped.
  if (header.length > 2 * MAX_HEADER_CHARS) return undefined;
  let fields: unknown;
  try {
    fields = JSON.parse(header);
  } catch {
    return undefined;
  }
  if (typeof fields !== 'object' || fields === null || 'payload' in fields) return undefined;
  return transferMessageSchema.safeParse(payload === undefined ? fields : { ...fields, payload }).data;
}

/** A header is signed, and names the bytes of its payload by their digest: it stands for both. */
export function transferIdOf({ header }: Frame): string {
  return sha512Hex(new TextEncoder().encode(header)).slice(0, 64);
}
