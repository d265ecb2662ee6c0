/** What browsers are told while their pages are open: the connections to them, and what is told over these. */
import type { Server as HttpServer } from 'node:http';
import type { Clock } from '../../shared/clock.ts';
import { progressOf } from '../http/api/round-progress.ts';
import type { ApiServices } from '../http/api/services.ts';
import { sessionCookie } from '../http/session-cookie.ts';
import { LiveFeed } from './live-feed.ts';
import { createLiveServer } from './live-server.ts';

export interface LiveOptions {
  /** Its owner lets it listen and closes it. */
  readonly server: HttpServer;
  readonly services: ApiServices;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

export type Live = Pick<LiveFeed, 'observe' | 'sitesChanged' | 'look' | 'close'>;

export function startLive({ server, services, clock, onError }: LiveOptions): Live {
  const { folder, users, watch, database, administration } = services;
  const { url } = folder.config;
  const cookie = sessionCookie(url);
  const live = createLiveServer({
    ...{ server, clock, onError, origin: new URL(url).origin },
    tokenOf: (request) => cookie.read(request),
    sessionOf: (token) => users.session(token),
    stateOf: (token) => users.stateOf(token),
  });
  const feed = new LiveFeed({
    ...{ live, watch, database, clock, onError, log: administration.log },
    progressOf: (runId) => progressOf(services, runId),
  });
  return {
    observe: (report) => {
      feed.observe(report);
    },
    sitesChanged: () => {
      feed.sitesChanged();
    },
    look: () => feed.look(),
    close: async () => {
      live.close();
      await feed.close();
    },
  };
}
