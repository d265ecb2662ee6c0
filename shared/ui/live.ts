/**
 * What the server tells by itself: a socket.io connection on which the browser only listens. It comes back by itself
 * after a break; then everything on the page is asked for again, since what happened meanwhile is not told twice.
 */
import { io } from 'socket.io-client';
import { systemClock } from '../clock.ts';

export type LiveState =
  | 'connecting'
  | 'live'
  /** Lost; it is tried again. */
  | 'reconnecting'
  /** Refused, because this person has too many pages open; it is tried again. */
  | 'crowded'
  /** The server has ended the session. */
  | 'signed-out';

/** What `topic` is about is another now; further fields depend on the topic. */
export interface LiveEvent {
  readonly topic: string;
  readonly runId?: string;
}

export interface Live {
  readonly state: () => LiveState;
  /** @returns ends the subscription */
  onState(listener: () => void): () => void;
  /** @returns ends the subscription */
  onEvent(listener: (event: LiveEvent) => void): () => void;
  close(): void;
}

export interface LiveSettings {
  /** Of the server's socket. */
  readonly path: string;
  /** The name under which events come. */
  readonly event: string;
  /** Sent after every connection, where the server wants to be asked. */
  readonly greeting?: { readonly event: string; readonly message: object };
}

const AGAIN_AFTER_MS = 2000;
const CROWDED_MS = 15_000;
const LONGEST_WAIT_MS = 5000;
/** Why a server that does not know the session refuses, in the `data.reason` of its error. */
const NOT_LOGGED_IN = 'not-logged-in';
const TOO_MANY = 'too-many-connections';

const isEvent = (value: unknown): value is LiveEvent =>
  typeof value === 'object' &&
  value !== null &&
  'topic' in value &&
  typeof value.topic === 'string' &&
  (!('runId' in value) || typeof value.runId === 'string');

/** An error of socket.io with what the server says. */
function reasonOf(error: Error): unknown {
  const data: unknown = 'data' in error ? error.data : undefined;
  return typeof data === 'object' && data !== null && 'reason' in data ? data.reason : undefined;
}

export function openLive({ path, event: name, greeting }: LiveSettings): Live {
  const stateListeners = new Set<() => void>();
  const eventListeners = new Set<(event: LiveEvent) => void>();
  let state: LiveState = 'connecting';
  let isEnded = false;
  let cancelRetry: (() => void) | undefined;
  const enter = (next: LiveState): void => {
    if (state === next || state === 'signed-out') return;
    state = next;
    for (const listener of stateListeners) listener();
  };
  const socket = io({ path, transports: ['websocket'], reconnectionDelayMax: LONGEST_WAIT_MS });
  const end = (): void => {
    isEnded = true;
    cancelRetry?.();
    socket.disconnect();
  };
  const signOut = (): void => {
    end();
    enter('signed-out');
  };
  /** socket.io does not try again by itself after the server has refused or ended a connection. */
  const again = (reason?: unknown): void => {
    if (isEnded) return;
    enter(reason === TOO_MANY ? 'crowded' : 'reconnecting');
    cancelRetry?.();
    if (!socket.active)
      cancelRetry = systemClock.schedule(reason === TOO_MANY ? CROWDED_MS : AGAIN_AFTER_MS, () => {
        socket.connect();
      });
  };
  socket.on('connect', () => {
    if (greeting) socket.emit(greeting.event, greeting.message);
    enter('live');
  });
  socket.on('disconnect', () => {
    again();
  });
  socket.on('connect_error', (error) => {
    const reason = reasonOf(error);
    if (reason === NOT_LOGGED_IN) signOut();
    else again(reason);
  });
  socket.on(name, (event: unknown) => {
    if (!isEvent(event)) return;
    if (event.topic === 'signed-out') signOut();
    else for (const listener of eventListeners) listener(event);
  });
  return {
    state: () => state,
    onState: (listener) => {
      stateListeners.add(listener);
      return () => stateListeners.delete(listener);
    },
    onEvent: (listener) => {
      eventListeners.add(listener);
      return () => eventListeners.delete(listener);
    },
    close: () => {
      stateListeners.clear();
      eventListeners.clear();
      end();
    },
  };
}
