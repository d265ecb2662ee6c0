/** What the site's page is told by itself, over socket.io. The browser says nothing: whatever it sends ends its connection. */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import { Server, type DefaultEventsMap } from 'socket.io';
import type { Clock } from '../../shared/clock.ts';
import { cookieOf, hostsOf } from './page-app.ts';
import type { PageAccess } from './links.ts';
import type { PageEvent } from './views.ts';

export const LIVE_PATH = '/live';
/** Under which name events come. */
export const LIVE_EVENT = 'live';

const MAX_MESSAGE_BYTES = 1024;
const MAX_CONNECTIONS = 32;
/** Sessions have an end. */
const LOOK_MS = 30_000;

interface ServerEvents {
  live: (event: PageEvent) => void;
}

export interface LiveOptions {
  readonly server: HttpServer;
  readonly access: PageAccess;
  readonly port: () => number;
  readonly clock: Clock;
  /** What a page is told when it comes. */
  readonly greeting: () => Promise<PageEvent>;
}

export interface Live {
  publish(event: PageEvent): void;
  /** Ends the connections of a session. */
  signOut(cookie: string): void;
  close(): Promise<void>;
}

export function openLive({ server, access, port, clock, greeting }: LiveOptions): Live {
  const io = new Server<DefaultEventsMap, ServerEvents>(server, {
    path: LIVE_PATH,
    transports: ['websocket'],
    ...{ perMessageDeflate: false, httpCompression: false, serveClient: false },
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    allowRequest: (request, answer) => {
      answer(null, isOwnPage(request, port()) && io.engine.clientsCount < MAX_CONNECTIONS);
    },
  });
  const cookies = new Map<string, string>();
  io.use((socket, next) => {
    const cookie = cookieOf(socket.request, port());
    if (cookie !== undefined && access.sessionOf(cookie)) {
      cookies.set(socket.id, cookie);
      next();
    } else next(new Error('not-logged-in'));
  });
  io.on('connection', (socket) => {
    socket.onAny(() => socket.disconnect(true));
    socket.on('disconnect', () => cookies.delete(socket.id));
    void greeting().then((event) => socket.emit(LIVE_EVENT, event));
  });
  const signOut = (isMeant: (cookie: string) => boolean, reason: 'expired' | 'ended'): void => {
    for (const [id, cookie] of cookies) {
      if (!isMeant(cookie)) continue;
      const socket = io.sockets.sockets.get(id);
      socket?.emit(LIVE_EVENT, { topic: 'signed-out', reason });
      socket?.disconnect(true);
    }
  };
  let cancel: () => void = () => undefined;
  const look = (): void => {
    signOut((cookie) => access.sessionOf(cookie) === undefined, 'expired');
    cancel = clock.schedule(LOOK_MS, look);
  };
  look();
  return {
    publish: (event) => {
      io.emit(LIVE_EVENT, event);
    },
    signOut: (ended) => {
      signOut((cookie) => cookie === ended, 'ended');
    },
    close: async () => {
      cancel();
      await io.close();
    },
  };
}

/** A browser always says where its page comes from. */
const isOwnPage = ({ headers }: IncomingMessage, port: number): boolean =>
  hostsOf(port).includes(headers.host ?? '') &&
  hostsOf(port).some((host) => headers.origin === `http://${host}`);
