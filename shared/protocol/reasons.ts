/**
 * Why something did not happen: closed unions, because every reader (a site's page, a report, a test) has to know
 * all of them. These are the only words about a failure that cross the wire.
 */
import { z } from 'zod';

export const dropReasonSchema = z.enum([
  /** The connection was lost and stayed lost for the transport's grace. */
  'disconnected',
  /** Nothing complete came before the phase's deadline. */
  'deadline',
  /** The site declined: its policy or a failure of its training. */
  'refused',
  /** A message that does not follow the schema, or that no state of the round allows. */
  'malformed',
  /** The header or the payload is longer than the plan allows. */
  'oversize',
  /** The signature is not the site's own over this very content. */
  'bad-signature',
  /** The box does not open with the coordinator's key. */
  'undecryptable',
  /** The update has not exactly one value per parameter, or counts no example. */
  'wrong-shape',
  /** The update holds NaN or an infinity. */
  'non-finite',
  /** A value is too large to be summed exactly. */
  'out-of-range',
  /** The delta's L2 norm is above the plan's bound. */
  'over-norm',
  /** The message names another plan, model or a round that has not begun. */
  'wrong-context',
]);
export type DropReason = z.infer<typeof dropReasonSchema>;

export const refusalReasonSchema = z.enum([
  /** The plan's hash is not among those this site approved. */
  'plan-not-approved',
  /** The plan that was sent does not have the announced hash. */
  'plan-hash-mismatch',
  /** The announced (round, attempt) does not follow the last one. */
  'round-not-increasing',
  /** The weights that were sent do not have the announced hash. */
  'model-hash-mismatch',
  /** Fewer sites than the site's policy demands. */
  'cohort-below-policy',
  /** The cohort does not name this site. */
  'not-in-cohort',
  /** The message is not signed by the federation's coordinator. */
  'bad-coordinator-signature',
  /** Local training failed; the reason stays at the site. */
  'training-failed',
]);
export type RefusalReason = z.infer<typeof refusalReasonSchema>;

export const abortReasonSchema = z.enum([
  /** Fewer sites than the plan's minimum were there to begin with, or answered the announcement. */
  'cohort-below-minimum',
  /** So many sites were dropped that the minimum of survivors cannot be reached. */
  'survivors-below-minimum',
  /** The sum of the updates could not be turned into a model. */
  'aggregation-failed',
  /** The new global model could not be evaluated. */
  'evaluation-failed',
  /** Somebody stopped the run. */
  'stopped',
]);
export type AbortReason = z.infer<typeof abortReasonSchema>;
