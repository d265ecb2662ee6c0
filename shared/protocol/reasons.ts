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
  /** The update has not exactly one value per parameter, or counts no example; the counts are not one for each class. */
  'wrong-shape',
  /** The update holds NaN or an infinity. */
  'non-finite',
  /** A value is too large to be summed exactly, or a count is negative. */
  'out-of-range',
  /** The delta's L2 norm is above the plan's bound. */
  'over-norm',
  /** The message names another plan, model or a round that has not begun. */
  'wrong-context',
  /** A share that the site sent is not the one that its peer committed to. */
  'bad-share',
  /** The site's shares do not make the secret that it advertised. */
  'bad-secret',
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
  /** Secure aggregation is announced where the plan has none, or none where the plan has it. */
  'masking-mismatch',
  /** The announced roster is not the one that this site has accepted. */
  'roster-mismatch',
  /** The round does not follow the transcript of the last round that this site saw published. */
  'transcript-mismatch',
  /** Fewer shares would unmask an update than the plan, or the site's policy, allows. */
  'threshold-too-low',
  /** Three or four sites, and the site's policy does not acknowledge what that means; or fewer. */
  'small-cohort',
  /** The site has answered an unmasking of this round: it answers no other one, whatever the attempt. */
  'already-unmasked',
  /** The plan's ring has no room for so many sites. */
  'ring-overflow',
  /** A peer's advertisement is not signed by that site for this very round. */
  'bad-peer-signature',
  /** A peer is not in the roster or not in the cohort, or the list is not sorted. */
  'unknown-peer',
  /** Two peers, or two uses, have the same key. */
  'repeated-key',
  /** The site's own advertisement was changed or left out. */
  'own-entry-changed',
  /** A peer's key is a point of low order. */
  'weak-peer-key',
  /** Fewer sites take part than the threshold or the policy demands. */
  'too-few-peers',
  /** A list of sites names others than the list before it, or differs from what this site was told. */
  'sites-changed',
  /** The shares that were relayed do not have the length of so many. */
  'malformed-shares',
  /** The survivors do not contain this site. */
  'not-a-survivor',
  /** Fewer sites than the threshold have signed the same survivors. */
  'too-few-signatures',
  /**
   * Class counts are announced where the plan needs none, or none where it does; they are of other classes, or not
   * those that this site was told before; or counting and training are asked for in each other's round.
   */
  'counts-mismatch',
  /** The announced class counts of the federation are below those that this site itself has contributed. */
  'counts-too-low',
  /** Local training, or counting, failed; the reason stays at the site. */
  'training-failed',
  /** The site's program ended in the middle of the round, and with it what the site had of the round. */
  'restarted',
]);
export type RefusalReason = z.infer<typeof refusalReasonSchema>;

export const abortReasonSchema = z.enum([
  /** Fewer sites than the plan's minimum were there to begin with, or answered the announcement. */
  'cohort-below-minimum',
  /** So many sites were dropped that the minimum of survivors cannot be reached. */
  'survivors-below-minimum',
  /** So many sites are gone that the masks of the others cannot be taken off. */
  'below-threshold',
  /** The shares did not give the masks, or the unmasked sum cannot be one of honest updates. */
  'unmasking-failed',
  /** More sites than the plan's ring has room for. */
  'ring-overflow',
  /** The sum of the updates could not be turned into a model. */
  'aggregation-failed',
  /** The new global model could not be evaluated. */
  'evaluation-failed',
  /** Somebody stopped the run. */
  'stopped',
  /** The coordinator's program ended in the middle of the attempt. */
  'coordinator-restarted',
]);
export type AbortReason = z.infer<typeof abortReasonSchema>;
