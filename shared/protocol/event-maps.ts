/**
 * The events of a connection, as socket.io's types want them: one event for each type of message, with the frame's
 * header and payload and a receipt. The maps follow from the messages' schemas; every transport is typed by them.
 */
import { MAX_HEADER_CHARS, type Frame } from './codec.ts';
import {
  coordinatorMessageSchema,
  siteMessageSchema,
  type CoordinatorMessage,
  type SiteMessage,
} from './messages.ts';
import { transferMessageSchema, type TransferMessage } from './transfer-messages.ts';

/**
 * Called, where the transport asks for it, once the other end has handed the frame on. It says nothing about the
 * frame's content: what became of an answer is the message `ack`, which survives a lost connection.
 */
export type Receipt = () => void;

/** What arrives is untrusted: whether the payload belongs to the header is for the codec to see. */
export type FrameHandler = (header: string, payload: Uint8Array | null, taken?: Receipt) => void;

export type ServerToClientEvents = Readonly<
  Record<CoordinatorMessage['type'] | TransferMessage['type'], FrameHandler>
>;
export type ClientToServerEvents = Readonly<
  Record<SiteMessage['type'] | TransferMessage['type'], FrameHandler>
>;

const TRANSFER_EVENTS = transferMessageSchema.options.map(({ shape }) => shape.type.value);
export const SERVER_TO_CLIENT: readonly (keyof ServerToClientEvents)[] = [
  ...coordinatorMessageSchema.options.map(({ shape }) => shape.type.value),
  ...TRANSFER_EVENTS,
];
export const CLIENT_TO_SERVER: readonly (keyof ClientToServerEvents)[] = [
  ...siteMessageSchema.options.map(({ shape }) => shape.type.value),
  ...TRANSFER_EVENTS,
];

/** The frame of an event, as `FrameHandler` gets it. */
const frameOf = (header: string, payload: Uint8Array | null): Frame =>
  payload === null ? { header } : { header, payload };

/**
 * The frame of what has arrived as `event`; undefined for what is no frame or another message than its event's. What the
 * frame says is for the codec to check.
 */
export function receivedFrame(
  events: readonly string[],
  { event, header, payload }: { readonly event: string; readonly header: unknown; readonly payload: unknown },
): Frame | undefined {
  if (typeof header !== 'string' || header.length > 2 * MAX_HEADER_CHARS) return undefined;
  if (eventOf(events, { header }) !== event) return undefined;
  if (payload === null) return { header };
  return payload instanceof Uint8Array ? { header, payload } : undefined;
}

/** Everything that the coordinator can send goes to `take`. */
export function serverToClientHandlers(take: (frame: Frame) => void): ServerToClientEvents {
  const handler = handlerOf(take);
  return {
    announce: handler,
    'share-keys': handler,
    relay: handler,
    train: handler,
    count: handler,
    survivors: handler,
    unmask: handler,
    ack: handler,
    published: handler,
    aborted: handler,
    ...transferHandlers(handler),
  };
}

/** Everything that a site can send goes to `take`. */
export function clientToServerHandlers(take: (frame: Frame) => void): ClientToServerEvents {
  const handler = handlerOf(take);
  return {
    advertise: handler,
    shares: handler,
    refuse: handler,
    progress: handler,
    anchor: handler,
    update: handler,
    consistent: handler,
    unmasked: handler,
    ...transferHandlers(handler),
  };
}

function transferHandlers(handler: FrameHandler): Readonly<Record<TransferMessage['type'], FrameHandler>> {
  return {
    'transfer-offer': handler,
    'transfer-chunk': handler,
    'transfer-progress': handler,
    'transfer-refused': handler,
  };
}

function handlerOf(take: (frame: Frame) => void): FrameHandler {
  return (header, payload, taken) => {
    take(frameOf(header, payload));
    taken?.();
  };
}

/** The event that a frame is; undefined for one whose header does not begin with a known type. */
export function eventOf<E extends string>(events: readonly E[], { header }: Frame): E | undefined {
  return events.find((event) => header.startsWith(`{"type":"${event}"`));
}
