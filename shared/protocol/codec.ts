/**
 * Messages to frames and back. A frame is a JSON header and, for the messages that have one, a binary payload beside
 * it, as every transport can carry them (socket.io: two arguments of one event). Every message takes this path, also
 * in memory, so that a simulation exercises the same checks as a hospital.
 */
import type { z } from 'zod';
import {
  coordinatorMessageSchema,
  siteMessageSchema,
  type CoordinatorMessage,
  type SiteMessage,
} from './messages.ts';

export interface Frame {
  readonly header: string;
  readonly payload?: Uint8Array;
}

/** A cohort of 1024 names of 63 characters and a plan with a thousand classes fit; nothing honest is longer. */
export const MAX_HEADER_CHARS = 512 * 1024;

export type Decoded<M> =
  | { readonly ok: true; readonly message: M }
  /** `detail` is for the receiver's own log and never sent. */
  | { readonly ok: false; readonly reason: 'malformed' | 'oversize'; readonly detail: string };

function encode(message: CoordinatorMessage | SiteMessage): Frame {
  if (!('payload' in message)) return { header: JSON.stringify(message) };
  const { payload, ...header } = message;
  return { header: JSON.stringify(header), payload };
}

export function encodeCoordinatorMessage(message: CoordinatorMessage): Frame {
  return encode(message);
}

export function encodeSiteMessage(message: SiteMessage): Frame {
  return encode(message);
}

function parseHeader(header: string): unknown {
  try {
    return JSON.parse(header);
  } catch {
    return undefined;
  }
}

const describe = (error: z.ZodError): string =>
  error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`)
    .join('; ');

function decode<M>(schema: z.ZodType<M>, frame: Frame, maxPayloadBytes: number): Decoded<M> {
  if (frame.header.length > MAX_HEADER_CHARS)
    return { ok: false, reason: 'oversize', detail: `header of ${String(frame.header.length)} characters` };
  if (frame.payload && frame.payload.byteLength > maxPayloadBytes)
    return { ok: false, reason: 'oversize', detail: `payload of ${String(frame.payload.byteLength)} bytes` };
  const header = parseHeader(frame.header);
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    return { ok: false, reason: 'malformed', detail: 'the header is not a JSON object' };
  if ('payload' in header) return { ok: false, reason: 'malformed', detail: 'a payload inside the header' };
  const candidate = frame.payload === undefined ? header : { ...header, payload: frame.payload };
  const parsed = schema.safeParse(candidate);
  return parsed.success
    ? { ok: true, message: parsed.data }
    : { ok: false, reason: 'malformed', detail: describe(parsed.error) };
}

/** For the site. `maxPayloadBytes`: `modelBytes` of the largest model it accepts. */
export function decodeCoordinatorMessage(frame: Frame, maxPayloadBytes: number): Decoded<CoordinatorMessage> {
  return decode(coordinatorMessageSchema, frame, maxPayloadBytes);
}

/** For the coordinator. `maxPayloadBytes`: `sealedUpdateBytes` of the plan's model. */
export function decodeSiteMessage(frame: Frame, maxPayloadBytes: number): Decoded<SiteMessage> {
  return decode(siteMessageSchema, frame, maxPayloadBytes);
}
