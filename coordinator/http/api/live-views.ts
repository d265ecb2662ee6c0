/**
 * What a browser is told while its page is open, over socket.io at `LIVE_PATH`. Most events only say that something has
 * changed, and the page asks the API again; how a round advances comes with the event.
 */
import { z } from 'zod';
import { runIdSchema } from '../../../shared/ids.ts';
import { progressSchema } from './round-views.ts';

export const LIVE_PATH = '/live';
/** Of events to the browser. */
export const LIVE_EVENT = 'live';
/** The one event that a browser may send, with a `Subscription`; the last one counts. */
export const SUBSCRIBE_EVENT = 'subscribe';

export const LIST_TOPICS = ['sites', 'plans', 'runs', 'models', 'ledger', 'users', 'alerts'] as const;
export type ListTopic = (typeof LIST_TOPICS)[number];

export const liveEventSchema = z.discriminatedUnion('topic', [
  z.strictObject({ topic: z.enum(LIST_TOPICS) }),
  /** The run has another status, round, event or figure. */
  z.strictObject({ topic: z.literal('run'), runId: runIdSchema }),
  /** At most twice a second a run. */
  progressSchema.extend({ topic: z.literal('progress') }),
  /** The connection is closed after it. */
  z.strictObject({
    topic: z.literal('signed-out'),
    /** `ended`: logged out, removed, or given another role or password. */
    reason: z.enum(['expired', 'ended']),
  }),
]);
export type LiveEvent = z.infer<typeof liveEventSchema>;

export const subscriptionSchema = z.strictObject({
  /** Of lists; `ledger` and `users` only for roles that may read them. */
  topics: z.array(z.enum(LIST_TOPICS)).max(LIST_TOPICS.length),
  /** Events `run` and `progress` of these; `all` for an overview. */
  runs: z.union([z.literal('all'), z.array(runIdSchema).max(32)]),
});
export type Subscription = z.infer<typeof subscriptionSchema>;

/** With `connect_error`, as `error.data.reason`. */
export const liveRefusalSchema = z.enum(['not-logged-in', 'too-many-connections']);
