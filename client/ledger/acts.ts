/**
 * What a site enters in its ledger: what its people decided and what its agent did. No patient data: no file names,
 * no messages of errors, counts of images only as the policy discloses them.
 */
import { z } from 'zod';
import { modelHashSchema, planHashSchema, runIdSchema, siteIdSchema } from '../../shared/ids.ts';
import { hexOf } from '../../shared/protocol/hex.ts';
import { ledgerAnchorSchema, type LedgerAnchor } from '../../shared/protocol/ledger-anchor.ts';
import { refusalReasonSchema } from '../../shared/protocol/reasons.ts';

const digestSchema = hexOf(64);
/** Somebody of the hospital, as the site's page or the command line knows them. */
const personSchema = z.string().min(1).max(60);

/** Which attempt of which round. */
const roundFields = {
  runId: runIdSchema,
  /** 0 is the round of counts. */
  round: z.int().min(0),
  attempt: z.int().min(1),
  planHash: planHashSchema,
  /** Of the global model that the round starts from. */
  modelHash: modelHashSchema,
};

const protectionSchema = z.enum(['secure-aggregation', 'box', 'plain']);

const joinedSchema = z.strictObject({
  kind: z.literal('joined'),
  ...roundFields,
  cohortSize: z.int().min(1),
  protection: protectionSchema,
});
const trainedSchema = z.strictObject({
  kind: z.literal('trained'),
  ...roundFields,
  steps: z.int().min(0),
  seconds: z.number().min(0),
  exampleCount: z.int().min(0),
});
const sentSchema = z.strictObject({
  kind: z.literal('sent'),
  ...roundFields,
  /** The message's type. Any word, so that the ledgers of earlier and later versions can be read. */
  what: z.string().regex(/^[a-z-]{1,40}$/),
  payloadBytes: z.int().min(0),
  /** SHA-512 of the payload as it was sent. */
  payloadHash: digestSchema,
  protection: protectionSchema,
});
const refusedSchema = z.strictObject({
  kind: z.literal('refused'),
  ...roundFields,
  reason: refusalReasonSchema,
});
const anchoredSchema = z.strictObject({
  kind: z.literal('anchored'),
  ...roundFields,
  /** Where the coordinator's ledger stood, as it has signed in its announcement. */
  coordinator: ledgerAnchorSchema,
});
const failedSchema = z.strictObject({ kind: z.literal('attemptFailed'), ...roundFields });

/** What the agent tells of a round, with exact figures. */
export type RoundAct =
  | z.infer<typeof joinedSchema>
  | z.infer<typeof trainedSchema>
  | z.infer<typeof sentSchema>
  | z.infer<typeof refusedSchema>
  | z.infer<typeof anchoredSchema>
  | z.infer<typeof failedSchema>;

export const siteActSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('planApproved'),
    planHash: planHashSchema,
    /** Of the roster that was accepted with it. */
    rosterHash: digestSchema,
    siteCount: z.int().min(1),
    /** Where the policy asks for two: the first and the second. */
    people: z.array(personSchema).length(2).optional(),
  }),
  /** The policy asks for two people, and one has approved. */
  z.strictObject({ kind: z.literal('planProposed'), planHash: planHashSchema, person: personSchema }),
  z.strictObject({ kind: z.literal('planWithdrawn'), planHash: planHashSchema }),
  /** It was not approved before either: that somebody has looked at it and does not want it. */
  z.strictObject({ kind: z.literal('planRefused'), planHash: planHashSchema }),
  /** Outside a round: what the coordinator's people are told of this site, as its policy discloses it. */
  z.strictObject({
    kind: z.literal('told'),
    what: z.array(z.enum(['program', 'counts', 'decisions'])),
    payloadBytes: z.int().min(0),
    payloadHash: digestSchema,
  }),
  z.strictObject({ kind: z.literal('started'), siteId: siteIdSchema }),
  z.strictObject({ kind: z.literal('stopped') }),
  joinedSchema,
  trainedSchema.omit({ exampleCount: true }).extend({
    engine: z.string().max(100),
    /** As the policy discloses it: a number, a span such as `100-999`, or nothing. */
    examples: z
      .string()
      .regex(/^\d+(-\d+)?$/)
      .optional(),
  }),
  sentSchema,
  refusedSchema,
  anchoredSchema,
  failedSchema,
  /** The coordinator's signed word that this site's update counts. */
  z.strictObject({ kind: z.literal('receipt'), ...roundFields, receiptHash: digestSchema }),
  /** The program ended in the middle of a line, whose act did not happen. */
  z.strictObject({ kind: z.literal('repaired'), lostBytes: z.int().min(1), lostHash: digestSchema }),
]);
export type SiteAct = z.infer<typeof siteActSchema>;

/** Where the agent enters its acts. */
export interface RoundLedger {
  /** Resolves once the entry would survive the machine; what it promises to precede happens only then. */
  enter(act: RoundAct): Promise<void>;
  /** Where it stands after the last entry. Absent: the coordinator is not told. */
  head?(): LedgerAnchor | undefined;
}
